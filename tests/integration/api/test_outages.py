"""What the API does when its database is away, and what it never forgets when it is started again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow, SampleRow
from airflow_plugin.queue import jobs, tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind, routes
from tests.integration.api.conftest import Agent
from tests.support.airflow_bed import AirflowBed
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

LONG_SECONDS = 3.0
"""Making the routes of the Execution API takes more than four on the machines this was written on."""


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


@dataclass(frozen=True)
class Restart:
    """One restart of the API server, in the middle of an agent's work."""

    agent: Agent
    job_id: UUID
    held: str
    """What became of the poll that the server held when it was told to stop."""
    first_call_seconds: float
    """How long the first call of the Execution API took."""
    is_accepted: bool
    """Whether the agent, in the session it had, could report the end of its job."""


@pytest.fixture(scope="module")
def restart(api_bed: AirflowBed, engine: Engine) -> Iterator[Restart]:
    """Restart it once for all that there is to see: it takes more than twenty seconds of CPU."""
    with httpx.Client(base_url=api_bed.url + routes.MOUNT, timeout=60) as http, Session(engine) as database:
        agent = Agent(http, tokens.create(database, "of-a-restart").get_secret_value())
        job = jobs.NewJob(
            kind=JobKind.COMMAND, placement=Placement(agent.queue), payload={"command": ["true"]}, label="a job"
        )
        job_id = jobs.submit(database, job, QueueConfig())
        database.commit()
        agent.register()
        assignment = agent.poll()["offers"][0]["assignment_id"]
        agent.confirm(assignment)
        with ThreadPoolExecutor(1) as thread:
            held = thread.submit(_poll_or_cut, agent)
            api_bed.stop("api-server")
            became = held.result()
        api_bed.start("api-server")
        began = time.monotonic()
        assert httpx.get(f"{api_bed.url}/execution/health").is_success
        seconds = time.monotonic() - began
        agent.beat(assignment)
        accepted = agent.report(assignment)["accepted"] == [assignment]
        yield Restart(agent, job_id, became, seconds, accepted)


def test_a_restarted_api_server_knows_sessions_jobs_and_cordons(
    restart: Restart, job: Callable[[UUID], JobRow], engine: Engine
) -> None:
    wait_until(lambda: _is_sampled(engine, restart.agent), what="the server samples as soon as it is there")
    assert restart.is_accepted
    assert job(restart.job_id).state == "succeeded"


def test_a_stopping_api_server_does_not_wait_for_held_polls(restart: Restart) -> None:
    assert restart.held in {"cut", "answered"}


def test_the_first_call_of_the_execution_api_holds_up_nobody(restart: Restart) -> None:
    assert restart.first_call_seconds < LONG_SECONDS


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
