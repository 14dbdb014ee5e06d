"""A task's log in the UI: the same from every API server, while it runs and after, whoever received it.

Two processes with disks of their own read the same database through Airflow's own reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, update

from airflow_plugin import clock
from airflow_plugin.models import JobRow, LogRow
from airflow_plugin.queue import jobs
from edge_agent.protocol import EndReason, JobState
from tests.support.log_replica import LogReplica
from tests.support.migrated import copy_sqlite
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on

EXECUTOR = {"executor": "EdgeAgentExecutor"}
RUNNING, SUCCESS = TaskInstanceState.RUNNING, TaskInstanceState.SUCCESS


@dataclass
class Deployment:
    """An Airflow with two API servers. ``store``: its remote log store, if it has one."""

    bed: SchedulingBed
    replicas: tuple[LogReplica, LogReplica]
    store: Path | None

    def started(self, **arguments: Any) -> tuple[UUID, UUID]:
        """Return a task instance that runs on an agent, and its assignment."""
        (ti,) = self.bed.dag_run(**arguments)
        with self.bed.session() as session:
            from airflow.models.taskinstance import TaskInstance

            session.get_one(TaskInstance, ti).executor = "EdgeAgentExecutor"
        self.executor = self.bed.scheduler()
        return ti, self.start(ti)

    def start(self, ti: UUID) -> UUID:
        self.bed.queue(self.executor, ti)
        (assignment,) = self.bed.start()
        self.bed.set(ti, RUNNING, hostname="10.255.255.1")  # a host that cannot be reached
        return assignment

    def end(self, ti: UUID, assignment: UUID, state: TaskInstanceState = SUCCESS) -> None:
        self.bed.set(ti, state)
        self.bed.report(assignment)

    def finish(self) -> None:
        """Upload what is to be uploaded, where there is a store."""
        self.replicas[0].upload()

    def read(self, ti: UUID, try_number: int = 1) -> dict[str, Any]:
        """Read a log from both; they must agree, quickly, and ask no host."""
        one, other = (replica.read(ti, try_number) for replica in self.replicas)
        assert one["events"] == other["events"]
        assert max(one["seconds"], other["seconds"]) < 4, "a log server was waited for"
        assert not any("served logs" in source for source in one["sources"])
        return one

    def stored(self) -> int:
        """Return how many chunks are in the table."""
        with self.bed.session() as session:
            return len(session.execute(select(LogRow.start_offset)).all())


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "postgres and a store"],
)
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give one on each kind of database, and one with a remote log store."""
    home = tmp_path_factory.mktemp("replicas")
    store = home / "bucket" if "store" in request.param else None
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = copy_sqlite(request.getfixturevalue("sqlite_template"), home / "airflow.db")
        else:
            server = request.getfixturevalue("postgres")
            url = stack.enter_context(server.database(request.getfixturevalue("postgres_template")))
        replicas = [stack.enter_context(LogReplica(url, home / name, store)) for name in ("one", "two")]
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        stack.enter_context(airflow_on(url, patch))
        yield Deployment(SchedulingBed(), (replicas[0], replicas[1]), store)


def line(second: int, event: str) -> bytes:
    """Return a line as the supervisor writes it."""
    written = {"timestamp": f"2026-01-01T00:00:{second:02}.000000Z", "level": "info", "event": event}
    return json.dumps(written).encode() + b"\n"


def test_a_running_task_shows_what_it_has_written_so_far(deployment: Deployment):
    ti, assignment = deployment.started()
    deployment.bed.write_log(assignment, line(1, "one") + line(2, "two"))

    log = deployment.read(ti)

    assert (log["events"], log["sources"]) == (["one", "two"], ["Edge agent a1"])
    assert not log["ended"]
    deployment.bed.write_log(assignment, line(3, "three"), offset=len(line(1, "one") + line(2, "two")))
    assert deployment.read(ti)["events"] == ["one", "two", "three"]


def test_a_running_task_that_has_written_nothing_has_a_source_all_the_same(deployment: Deployment):
    ti, _ = deployment.started()
    log = deployment.read(ti)
    assert (log["events"], log["sources"]) == ([], ["Edge agent a1"])


@pytest.mark.parametrize("state", [SUCCESS, TaskInstanceState.FAILED])
def test_a_finished_task_shows_all_of_its_log(deployment: Deployment, state: TaskInstanceState):
    ti, assignment = deployment.started()
    deployment.bed.write_log(assignment, line(1, "one") + line(2, "two"))
    deployment.end(ti, assignment, state)
    assert deployment.read(ti)["events"] == ["one", "two"]

    deployment.finish()

    assert deployment.read(ti)["events"] == ["one", "two"]
    assert [replica.files() for replica in deployment.replicas] == [[], []]


def test_a_finished_task_that_wrote_nothing_is_not_searched_for_on_its_host(deployment: Deployment):
    ti, assignment = deployment.started()
    deployment.end(ti, assignment)
    assert deployment.read(ti)["events"] == []


def test_a_deferred_task_shows_the_logs_of_all_its_jobs_in_order(deployment: Deployment):
    ti, first = deployment.started()
    deployment.bed.write_log(first, line(1, "before"))
    deployment.bed.set(ti, TaskInstanceState.DEFERRED)
    deployment.bed.report(first)
    events = [replica.read(ti)["events"] for replica in deployment.replicas]
    assert events == [["before"], ["before"]]

    deployment.finish()
    second = deployment.start(ti)
    deployment.bed.write_log(second, line(2, "after"))
    assert deployment.read(ti)["events"] == ["before", "after"]
    deployment.end(ti, second)
    assert deployment.read(ti)["events"] == ["before", "after"]
    deployment.finish()
    assert deployment.read(ti)["events"] == ["before", "after"]


def test_each_try_has_its_own_log(deployment: Deployment):
    ti, first = deployment.started()
    deployment.bed.write_log(first, line(1, "the first try"))
    renewed = deployment.bed.retry(ti)
    deployment.bed.report(first, JobState.FAILED, exit_code=1)
    deployment.bed.set(renewed, TaskInstanceState.SCHEDULED, try_number=2)
    second = deployment.start(renewed)
    deployment.bed.write_log(second, line(2, "the second"))

    assert deployment.read(ti, 1)["events"] == ["the first try"]
    assert deployment.read(renewed, 2)["events"] == ["the second"]
    deployment.end(renewed, second)
    deployment.finish()
    assert deployment.read(ti, 1)["events"] == ["the first try"]
    assert deployment.read(renewed, 2)["events"] == ["the second"]


def test_bytes_that_are_no_text_are_shown_as_such_and_do_no_harm(deployment: Deployment):
    ti, assignment = deployment.started()
    written = b"caf\xc3\xa9\nbroken \xff\xfe end\nnul \x00 and \xe2\x80\xa8 separators\nno newline at the end"
    for at, byte in enumerate(written):
        deployment.bed.write_log(assignment, bytes([byte]), offset=at)
    expected = [
        "café",
        "broken \ufffd\ufffd end",
        "nul \x00 and \u2028 separators",
        "no newline at the end",
    ]
    assert deployment.read(ti)["events"] == expected
    deployment.end(ti, assignment)
    deployment.finish()
    assert deployment.read(ti)["events"] == expected


def test_a_log_that_was_cut_says_so(deployment: Deployment):
    ti, assignment = deployment.started()
    deployment.bed.write_log(assignment, line(1, "kept") + line(2, "x" * 1000), limit=100)
    deployment.end(ti, assignment)
    for _ in range(2):
        assert "log_limit_bytes = 100" in deployment.read(ti)["events"][-1]
        deployment.finish()


def test_a_job_whose_agent_was_lost_ends_its_log_with_why(deployment: Deployment):
    ti, assignment = deployment.started()
    deployment.bed.write_log(assignment, line(1, "one"))
    deployment.bed.report(assignment, JobState.FAILED, EndReason.AGENT_RESTART, message="The host rebooted.")
    deployment.bed.set(ti, TaskInstanceState.FAILED)
    said = "The job ended on edge agent 'a1': agent_restart: The host rebooted."
    assert deployment.read(ti)["events"] == ["one", said]

    with deployment.bed.session() as session:
        session.execute(update(JobRow).values(ended_at=clock.in_seconds(-120)).where(JobRow.ended_at.is_not(None)))
    deployment.finish()
    assert deployment.read(ti)["events"] == ["one", said]


def test_a_task_nobody_took_says_so_in_its_log(deployment: Deployment):
    (ti,) = deployment.bed.dag_run(queue="nobody")
    executor = deployment.bed.scheduler()
    deployment.bed.queue(executor, ti)
    with deployment.bed.session() as session:
        session.execute(update(JobRow).where(JobRow.workload_id == ti).values(queue_deadline=clock.in_seconds(-1)))
    with deployment.bed.session() as session:
        jobs.give_up_waiting(session)
    deployment.bed.set(ti, TaskInstanceState.FAILED)

    (said,) = deployment.read(ti)["events"]
    assert "queue_timeout: No agent took the job" in said


def test_a_task_of_another_executor_reads_as_ever(deployment: Deployment):
    (ti,) = deployment.bed.dag_run()
    deployment.bed.set(ti, SUCCESS)
    for replica in deployment.replicas:
        path = replica.logs / "nothing-of-ours.log"
        path.write_text("x", encoding="utf-8")
        assert replica.read(ti)["events"] == []
        path.unlink()


def test_only_one_replica_uploads_a_log_and_the_table_is_empty_then(deployment: Deployment):
    if deployment.store is None:
        assert deployment.replicas[0].upload() == 0
        return
    deployment.finish()
    ti, assignment = deployment.started()
    deployment.bed.write_log(assignment, line(1, "one"))
    deployment.end(ti, assignment)
    before = deployment.stored()

    assert [replica.upload() for replica in deployment.replicas] == [1, 0]

    assert deployment.stored() == before - 1
    assert deployment.read(ti)["events"] == ["one"]
