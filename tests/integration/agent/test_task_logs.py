"""Logs of tasks that do not pass the queue, with real agents: in the store or on the host, whatever dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from tests.integration.agent.steps import attempts, ended, forgotten, registered
from tests.support.agent_host import AgentHost
from tests.support.execution_api import ExecutionApi
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue, Job
from tests.support.task_site import task
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]
DAGS = ROOT / "tests" / "integration" / "task_host" / "dags"
STORE = "tests.support.file_store.LOGGING_CONFIG"
StartHost = Callable[..., AgentHost]

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(120)]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Give what the log store has; it is away as long as a file is in its place."""
    return tmp_path / "bucket"


@pytest.fixture
def host_that(queue: FakeQueue, tmp_path: Path, bucket: Path) -> Iterator[StartHost]:
    """Give a function that starts an agent which takes tasks. ``has_store``: Airflow there has a log store."""
    queue.airflow = queue.airflow.model_copy(update={"executor": "LocalExecutor,EdgeAgentExecutor:x.Y"})
    with ExecutionApi() as api, ExitStack() as hosts:

        def start(where: str, *, has_store: bool = True) -> AgentHost:
            store = {"AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": STORE} if has_store else {}
            settings = {
                "EDGE_AGENT_KINDS": "task",
                "EDGE_AGENT_EXECUTION_API_URL": api.url,
                "EDGE_AGENT_TASK_LOGS": where,
                "FILE_STORE": str(bucket),
                "PYTHONPATH": str(ROOT),
            }
            host = AgentHost(
                tmp_path / "h1",
                url=queue.url,
                name="h1",
                token=AGENT_TOKEN,
                queues=["q"],
                dags=DAGS,
                settings=settings | store,
            )
            return hosts.enter_context(host)

        yield start


def submit(queue: FakeQueue, dag_id: str, task_id: str, runner: RunnerName = RunnerName.LOCAL) -> Job:
    return queue.submit_job(Job(payload=task(dag_id, task_id), kind=JobKind.TASK, label=task_id, runner=runner))


def words(job: Job) -> list[str]:
    """Return what has passed the queue as the log of a job."""
    return [json.loads(line)["event"] for line in job.log.decode().splitlines()]


def stored(folder: Path) -> str:
    """Return all that is in the logs below a folder."""
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log"))) if folder.is_dir() else ""


def waits(queue: FakeQueue, host: AgentHost, runner: RunnerName = RunnerName.LOCAL) -> tuple[Job, Path]:
    """Start a task that waits at its gate; return its job and its attempt directory."""
    job = submit(queue, "long", "waits", runner)
    wait_until(lambda: "waiting for the gate" in stored(host.state / "attempts"), what="it waits", timeout=60)
    return job, attempts(host)[0]


def nothing_of_it_passed(queue: FakeQueue, *said: bytes) -> bool:
    """Whether no request has held any of this."""
    return not any(text in call.body for call in queue.orders.calls for text in said)


@pytest.mark.parametrize("runner", [RunnerName.LOCAL, RunnerName.TMUX])
def test_with_store_the_log_is_in_the_store_and_only_words_about_it_pass(queue, host_that, bucket, runner):
    host = host_that("store")
    job = submit(queue, "simple", "succeeds", runner)
    failed = submit(queue, "simple", "fails", runner)
    assert ended(job, timeout=90).state is JobState.SUCCEEDED
    assert ended(failed, timeout=60).state is JobState.FAILED
    assert words(job) == ["h1 writes this log to the log store of its site when the task has ended."]
    assert "hello from the task" in stored(bucket)
    assert "on purpose" in stored(bucket)
    assert nothing_of_it_passed(queue, b"hello from the task", b"on purpose")
    forgotten(host)
    assert not (host.state / "late_logs").exists()


def test_what_a_killed_supervisor_left_reaches_the_store_late_and_that_is_said(queue, host_that, bucket):
    host = host_that("store")
    job, attempt = waits(queue, host)
    os.kill(json.loads((attempt / "claim").read_text())["pid"], signal.SIGKILL)
    assert ended(job).reason is EndReason.SIGNAL
    assert words(job)[1].startswith("The log store did not take this log. h1 keeps it and tries again")
    wait_until(lambda: stored(bucket), what="the log is in the store", timeout=60)
    first, *_, last = [json.loads(line) for line in stored(bucket).splitlines() if line]
    assert (first["level"], last["logger"]) == ("info", "edge_agent")
    assert "waiting for the gate" in stored(bucket)
    assert nothing_of_it_passed(queue, b"waiting for the gate")
    wait_until(lambda: stored(host.state / "late_logs"), until=lambda left: not left, what="nothing waits any more")


def test_a_store_that_is_away_costs_neither_the_job_nor_its_log(queue, host_that, bucket):
    bucket.write_text("It is away.")
    host = host_that("store")
    job, attempt = waits(queue, host)
    host.crash()
    host.start()  # the attempt has noted where its log goes
    registered(queue, 2)
    (attempt / "gate").touch()
    assert ended(job, timeout=60).state is JobState.SUCCEEDED
    assert words(job)[1].startswith("The log store did not take this log.")
    forgotten(host)
    late = host.state / "late_logs"
    wait_until(lambda: "wait for the log store" in host.output(), what="the operator is told", timeout=60)
    assert "through the gate" in stored(late)
    bucket.unlink()
    host.restart()
    wait_until(lambda: "through the gate" in stored(bucket), what="the log is in the store", timeout=60)
    wait_until(lambda: list(late.iterdir()), until=lambda left: not left, what="nothing waits any more")
    assert stored(bucket).count("through the gate") == 1


def test_with_off_the_log_is_where_the_words_say_and_nowhere_else(queue, host_that):
    host = host_that("off", has_store=False)
    job = submit(queue, "simple", "fails")
    assert ended(job, timeout=60).state is JobState.FAILED
    (place,) = (host.state / "task_logs").rglob("*.log")
    assert words(job) == [f"This log stays on its host: h1, {place}. It is kept there for 30 days."]
    assert "on purpose" in place.read_text()
    assert nothing_of_it_passed(queue, b"on purpose")
    forgotten(host)
    assert place.exists()


@pytest.mark.parametrize(
    ("where", "has_store", "why"),
    [
        ("store", False, "on this host names no log store"),
        ("off", True, "would still take logs to a remote store"),
    ],
)
def test_a_host_that_would_log_elsewhere_than_it_was_told_takes_no_work(queue, host_that, where, has_store, why):
    host = host_that(where, has_store=has_store)
    job = submit(queue, "simple", "succeeds")
    wait_until(lambda: why in host.output(), what="the agent says that it cannot work", timeout=60)
    assert job.state is JobState.QUEUED
