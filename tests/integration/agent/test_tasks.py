"""Airflow's tasks through the agent: a real task host, a real supervisor, and no Airflow server."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from tests.integration.agent.steps import attempts, ended, forgotten, registered, running
from tests.support.agent_host import AgentHost
from tests.support.execution_api import ExecutionApi
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue, Job
from tests.support.task_site import task
from tests.support.waiting import wait_until

DAGS = Path(__file__).parents[1] / "task_host" / "dags"

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def api():
    with ExecutionApi() as server:
        yield server


@pytest.fixture(scope="module")
def queue():
    """Give the queue of the one host that most of these tests share: getting warm costs seconds of CPU."""
    with FakeQueue() as server:
        yield server


@pytest.fixture(scope="module")
def host(queue, api, tmp_path_factory):
    """Give an agent that takes tasks and is warm."""
    settings = {"EDGE_AGENT_KINDS": "task,command", "EDGE_AGENT_EXECUTION_API_URL": api.url}
    queue.airflow = queue.airflow.model_copy(update={"executor": "LocalExecutor,EdgeAgentExecutor:x.Y"})
    home = tmp_path_factory.mktemp("host") / "h1"
    agent = AgentHost(
        home, url=queue.url, name="h1", token=AGENT_TOKEN, queues=["q"], slots=8, dags=DAGS, settings=settings
    )
    with agent:
        wait_until(lambda: queue.beats and queue.beats[-1].free_slots, what="the agent is warm", timeout=60)
        yield agent


@pytest.fixture
def expiring(api):
    """Give the Execution API to a test that lets tokens expire; the next test's are good again."""
    yield api
    api.expired.clear()


@pytest.fixture
def own_queue():
    """Give a queue that no agent knows yet."""
    with FakeQueue() as server:
        yield server


either_runner = pytest.mark.parametrize("runner", [RunnerName.LOCAL, RunnerName.TMUX])


def attempt_of(host, job):
    """Return the attempt directory of a job."""
    (found,) = [each for each in attempts(host) if each.name == str(job.assignment_id)]
    return found


def submit(queue, dag_id, task_id, label="task", runner=RunnerName.LOCAL):
    return queue.submit_job(Job(payload=task(dag_id, task_id), kind=JobKind.TASK, label=label, runner=runner))


def test_a_task_that_succeeds_and_one_that_fails_are_told_apart_and_their_logs_arrive(queue, host):
    succeeds, fails = submit(queue, "simple", "succeeds"), submit(queue, "simple", "fails", "fails")
    assert (ended(succeeds, timeout=60).state, succeeds.ending.exit_code) == (JobState.SUCCEEDED, 0)
    assert b"hello from the task" in succeeds.log
    assert (ended(fails, timeout=60).state, fails.ending.reason) == (JobState.FAILED, EndReason.EXIT)
    assert b"on purpose" in fails.log
    forgotten(host)


@either_runner
def test_a_supervisor_that_is_killed_tells_the_author_of_the_dag_in_the_tasks_log(queue, host, runner):
    job = running(submit(queue, "long", "waits", runner=runner), until=b"waiting for the gate", timeout=60)
    os.kill(json.loads((attempt_of(host, job) / "claim").read_text())["pid"], signal.SIGKILL)
    ending = ended(job)
    assert (ending.state, ending.reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert ending.signal in (9, None), "only a parent is told which signal it was"
    last = json.loads(job.log.splitlines()[-1])
    assert (last["level"], last["logger"]) == ("error", "edge_agent")
    assert "SIGKILL" in last["event"] or "signal 9" in last["event"]


@either_runner
def test_a_task_outlives_its_agent_and_is_adopted_by_the_next(queue, host, runner):
    job = running(submit(queue, "long", "waits", runner=runner), until=b"waiting for the gate", timeout=60)
    attempt = attempt_of(host, job)
    before = len(queue.registrations)
    host.crash()
    host.start()
    registered(queue, before + 1)
    assert queue.registrations[before].held == (job.assignment_id,)
    (attempt / "gate").touch()
    assert ended(job, timeout=60).state is JobState.SUCCEEDED
    assert b"through the gate" in job.log
    assert (job.offers, job.reports) == (1, 1)


@either_runner
def test_a_cancelled_task_runs_its_on_kill(queue, host, runner):
    job = running(submit(queue, "long", "killable", runner=runner), until=b"waiting for the gate", timeout=60)
    queue.cancel(job)
    assert ended(job, timeout=60).state is JobState.CANCELLED
    assert b"through the gate" in job.log or b"SIGTERM" in job.log or b"erminat" in job.log


def test_a_log_path_that_leads_elsewhere_is_rejected(queue, host):
    payload = task("simple", "succeeds") | {"log_path": "../../escaped.log"}
    job = queue.submit_job(Job(payload=payload, kind=JobKind.TASK))
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.REJECTED)
    assert "leads out of the attempt directory" in job.ending.message


def test_a_host_whose_airflow_cannot_be_used_takes_no_work_and_says_why(own_queue, tmp_path):
    settings = {"EDGE_AGENT_KINDS": "task"}
    agent = AgentHost(tmp_path / "h1", url=own_queue.url, name="h1", token=AGENT_TOKEN, queues=["q"], settings=settings)
    (agent.home / "airflow" / "airflow.cfg").write_text("this is no configuration")
    job = submit(own_queue, "simple", "succeeds")
    with agent:
        what = "the agent says that it cannot work"
        wait_until(lambda: "This host cannot start jobs now" in agent.output(), what=what, timeout=60)
        wait_until(lambda: own_queue.beats and own_queue.beats[-1].free_slots == 0, what="it asks for nothing")
    assert job.state is JobState.QUEUED


def test_the_check_looks_for_airflow_and_its_dags(own_queue, tmp_path):
    agent = AgentHost(
        tmp_path / "h1",
        url=own_queue.url,
        name="h1",
        token=AGENT_TOKEN,
        queues=["q"],
        settings={"EDGE_AGENT_KINDS": "task"},
    )
    fine = agent.run("check")
    assert fine.returncode == 0
    assert f"ok   dags: Dag bundle 'dags-folder' is {agent.dags}" in fine.stdout
    agent.dags.rmdir()
    wrong = agent.run("check")
    assert wrong.returncode == 1
    assert f"there is no directory {agent.dags}" in wrong.stdout


def test_a_task_whose_token_expired_is_renewed_through_its_agent(queue, host, expiring):
    job = running(submit(queue, "long", "waits"), until=b"waiting for the gate", timeout=60)
    attempt = attempt_of(host, job)
    asked, before = len(queue.calls_of("renew")), queue.renewals
    expiring.expire_tokens()
    wait_until(lambda: queue.renewals > before, what="the agent asks for a new token", timeout=20)
    (attempt / "gate").touch()
    assert ended(job, timeout=60).state is JobState.SUCCEEDED
    assert {call.token for call in queue.calls_of("renew")[asked:]} == {queue.session.token}
    assert f"planted-renewed-token-{before + 1}" in {one.token for one in expiring.heard}
    assert "planted-renewed" not in host.output()
    forgotten(host)


def test_a_token_that_expires_while_no_agent_is_there_is_renewed_by_the_next(queue, host, expiring):
    job = running(submit(queue, "long", "waits"), until=b"waiting for the gate", timeout=60)
    attempt = attempt_of(host, job)
    host.crash()
    expiring.expire_tokens()
    wait_until((attempt / "token.wanted").exists, what="the task wants a new token", timeout=20)
    (attempt / "gate").touch()
    host.start()
    assert ended(job, timeout=60).state is JobState.SUCCEEDED
    assert (job.offers, job.reports) == (1, 1)
