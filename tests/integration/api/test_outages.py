"""What the API does when its database is away, and what it never forgets when it is started again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx

from airflow_plugin.models import AgentRow, JobRow
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent
from tests.support.airflow_bed import AirflowBed
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until


def test_a_database_that_is_away_is_a_503_that_says_when_to_ask_again(
    agent: Agent, postgres: Postgres, agent_row: Callable[[Agent], AgentRow]
) -> None:
    agent.register()
    postgres.stop()
    try:
        answer = agent.ask(routes.heartbeat(agent.name), {"number": 1, "free_slots": 1})
    finally:
        postgres.start()

    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    wait_until(lambda: _beats(agent), what="a beat is taken again", timeout=30)
    assert agent_row(agent).state == "connected", "the agent was blamed for our outage"


def test_a_restarted_api_server_knows_sessions_jobs_and_cordons(
    agent: Agent, submit: Callable[..., UUID], api_bed: AirflowBed, job: Callable[[UUID], JobRow]
) -> None:
    agent.register()
    job_id = submit(agent)
    assignment = agent.poll()["offers"][0]["assignment_id"]
    agent.confirm(assignment)

    api_bed.restart("api-server")

    agent.beat(assignment)
    assert agent.report(assignment)["accepted"] == [assignment]
    assert job(job_id).state == "succeeded"


def test_a_stopping_api_server_does_not_wait_for_held_polls(agent: Agent, api_bed: AirflowBed) -> None:
    agent.register()
    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(_poll_or_cut, agent)
        api_bed.stop("api-server")
        assert held.result() in {"cut", "answered"}
    api_bed.start("api-server")


def _beats(agent: Agent) -> bool:
    return agent.ask(routes.heartbeat(agent.name), {"number": next(agent.beats), "free_slots": 1}).is_success


def _poll_or_cut(agent: Agent) -> str:
    try:
        agent.poll(wait_seconds=20)
    except (httpx.TransportError, AssertionError):
        return "cut"
    return "answered"
