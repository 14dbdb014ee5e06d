"""What the API does when its database is away, and what it never forgets when it is started again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, JobRow, SampleRow
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


def test_a_report_that_the_database_rolled_back_in_favour_of_another_is_made_again(
    agent: Agent, submit: Callable[..., UUID], engine: Engine, job: Callable[[UUID], JobRow]
) -> None:
    """A scheduler holds the second job and then wants the first, while the report holds the first."""
    agent.register()
    first, second = sorted([submit(agent), submit(agent)])
    assignments = [each["assignment_id"] for each in agent.poll()["offers"]]
    agent.confirm(*assignments)
    with ThreadPoolExecutor(1) as thread, Session(engine) as scheduler:
        # Of two who wait for each other, the one whose patience ends first is rolled back.
        scheduler.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        me = scheduler.scalar(select(func.pg_backend_pid()))
        take = select(JobRow.id).with_for_update()
        scheduler.execute(take.where(JobRow.id == second))
        report = thread.submit(agent.report, *assignments)
        wait_until(lambda: _waits_for(engine, me), what="the report waits for the scheduler")
        scheduler.execute(take.where(JobRow.id == first))
        assert not report.done()
        scheduler.commit()
        assert sorted(report.result()["accepted"]) == sorted(assignments)
    assert (job(first).state, job(second).state) == ("succeeded", "succeeded")


def test_a_restart_waits_for_no_held_poll_and_what_comes_back_knows_sessions_jobs_and_cordons(
    agent: Agent, submit: Callable[..., UUID], api_bed: AirflowBed, job: Callable[[UUID], JobRow], engine: Engine
) -> None:
    """Both in one restart: it is dear."""
    agent.register()
    job_id = submit(agent)
    assignment = agent.poll()["offers"][0]["assignment_id"]
    agent.confirm(assignment)

    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(_poll_or_cut, agent)
        api_bed.stop("api-server")
        assert held.result() in {"cut", "answered"}
    api_bed.start("api-server")

    wait_until(lambda: _is_sampled(engine, agent), what="the server samples as soon as it is there")
    agent.beat(assignment)
    assert agent.report(assignment)["accepted"] == [assignment]
    assert job(job_id).state == "succeeded"


def _is_sampled(engine: Engine, agent: Agent) -> bool:
    with Session(engine) as session:
        return bool(session.scalar(select(SampleRow.at).where(SampleRow.agent_name == agent.name)))


def _waits_for(engine: Engine, backend: int | None) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE :backend = ANY(pg_blocking_pids(pid))"
    with engine.connect() as connection:
        return bool(connection.scalar(text(waiting), {"backend": backend}))


def _beats(agent: Agent) -> bool:
    return agent.ask(routes.heartbeat(agent.name), {"number": next(agent.beats), "free_slots": 1}).is_success


def _poll_or_cut(agent: Agent) -> str:
    try:
        agent.poll(wait_seconds=20)
    except (httpx.TransportError, AssertionError):
        return "cut"
    return "answered"
