"""Somebody holds the write lock of an SQLite database for longer than anybody waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import httpx
import pytest

from edge_agent.protocol import AgentState, JobState, routes
from tests.integration.agent.steps import until_exists
from tests.integration.api.conftest import Agent
from tests.support.airflow_bed import AirflowBed
from tests.support.command_site import CommandSite
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]


@pytest.fixture
def site(api_on_sqlite, tmp_path):
    it = CommandSite(api_on_sqlite, tmp_path / "host")
    yield it
    it.engine.dispose()


@contextmanager
def locked(site: CommandSite) -> Iterator[None]:
    """Hold the write lock. Others read, and none of them writes."""
    holder = sqlite3.connect(site.engine.url.database or "", isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.rollback()
        holder.close()


def test_every_verb_that_writes_is_a_503_that_says_when_to_ask_again_and_leaves_nothing_half_done(site):
    with httpx.Client(base_url=site.url + routes.MOUNT, timeout=60) as http:
        agent = Agent(http, site.token, name=site.name)
        agent.register(queues=[site.name])
        ids = [site.submit("true") for _ in range(2)]
        runs, offered = (each["assignment_id"] for each in agent.poll()["offers"])
        agent.confirm(runs)
        before = [standing(site, each) for each in ids]
        with locked(site):
            answers = ask_everything(agent, runs, offered)
        told = {verb: (answer.status_code, answer.json().get("reason")) for verb, answer in answers.items()}
        assert told == dict.fromkeys(answers, (503, "unavailable"))
        assert {"Retry-After" in answer.headers for answer in answers.values()} == {True}
        assert {"ask again" in answer.json()["message"] for answer in answers.values()} == {True}
        assert [standing(site, each) for each in ids] == before
        agent.beat(runs)
        assert agent.confirm(offered)["confirmed"]
        assert sorted(agent.report(runs, offered)["accepted"]) == sorted([runs, offered])
    assert [site.job(each).state for each in ids] == [JobState.SUCCEEDED] * 2


def ask_everything(agent: Agent, runs: str, offered: str) -> dict[str, httpx.Response]:
    """Ask all of it at the same time: each waits for as long as a statement waits for the lock."""
    beat = {"number": 99, "free_slots": 1, "held": [runs]}
    ending = {"assignment_id": runs, "state": "failed", "reason": "exit", "log_bytes": 1}
    asked: dict[str, Callable[[], httpx.Response]] = {
        "heartbeat": lambda: agent.ask(routes.heartbeat(agent.name), beat),
        "poll": lambda: agent.ask(routes.poll(agent.name), {"free_slots": 1, "wait_seconds": 0, "beat": beat}),
        "confirm": lambda: agent.ask(routes.CONFIRM, {"assignments": [offered]}),
        "report": lambda: agent.ask(routes.REPORT, {"endings": [ending]}),
        "logs": lambda: agent.ask(routes.logs(UUID(runs)), params={"offset": 0}, content=b"x"),
        "leave": lambda: agent.ask(routes.session(agent.name), method="DELETE"),
    }
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = {verb: threads.submit(ask) for verb, ask in asked.items()}
        return {verb: answer.result() for verb, answer in answers.items()}


def standing(site: CommandSite, job_id: UUID) -> tuple[object, ...]:
    """Return what a verb could have changed."""
    job = site.job(job_id)
    return job.state, job.assignment_id, job.session_id, job.log_bytes, site.log(job_id)


def test_agents_and_what_they_run_outlive_it_and_deliver_afterwards(site, api_on_sqlite: AirflowBed, tmp_path):
    """It lasts for longer than an agent may be silent: that it could not be heard is not its fault."""
    ends, lives = tmp_path / "ends", tmp_path / "lives"
    with site.host:
        first = site.submit(f"echo one; {until_exists(ends)}; echo two")
        second = site.submit(f"echo one; {until_exists(lives)}; echo two")
        for job_id in (first, second):
            site.says(job_id, b"one\n", timeout=40)
        session_id = site.agent().session_id
        gave_up = failures(api_on_sqlite)
        with locked(site):
            ends.touch()
            wait_until(lambda: "assignment_ended" in site.host.output(), what="the first one ends", timeout=20)
            wait_until(lambda: failures(api_on_sqlite) >= gave_up + 2, what="the reaper gives up twice", timeout=60)
            assert site.job(first).state == JobState.RUNNING
        assert site.ended(first).state == JobState.SUCCEEDED
        lives.touch()
        assert site.ended(second).state == JobState.SUCCEEDED
        assert (site.log(first), site.log(second)) == (b"one\ntwo\n", b"one\ntwo\n")
        assert (site.agent().state, site.agent().session_id) == (AgentState.CONNECTED, session_id)


def failures(airflow: AirflowBed) -> int:
    return airflow.parts["api-server"].process.output().count("Could not reap")
