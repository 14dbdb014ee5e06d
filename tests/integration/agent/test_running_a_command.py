"""From offer to report: commands on one agent."""

from __future__ import annotations

import shutil

import pytest

from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from edge_agent.protocol.streams import Stream, Unweaver
from tests.integration.agent.steps import ended, until_exists
from tests.support.fake_queue import Job
from tests.support.waiting import wait_until


def test_a_command_runs_once_and_is_reported_with_its_log(queue, agent):
    job = queue.submit(["sh", "-c", "echo hello; echo world >&2"])
    assert (ended(job).reason, job.ending.exit_code) == (EndReason.EXIT, 0)
    assert job.state is JobState.SUCCEEDED
    assert bytes(job.log) == b"hello\nworld\n"
    assert (job.offers, job.reports, job.ending.log_bytes) == (1, 1, 12)


@pytest.mark.parametrize(
    ("command", "exit_code", "said"),
    [
        (["sh", "-c", "exit 7"], 7, b""),
        ("echo one && false", 1, b"one\n"),
        (["/no/such/program"], 127, b"/no/such/program"),
        (["/etc/passwd"], 126, b"/etc/passwd"),
        (["echo", "a\0b"], 126, b"could not be run"),
    ],
)
def test_a_command_that_fails_is_reported_with_its_exit_code(queue, agent, command, exit_code, said):
    job = queue.submit(command)
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.EXIT)
    assert job.ending.exit_code == exit_code
    assert said in bytes(job.log)


def test_a_command_killed_by_a_signal_is_reported_with_the_signal(queue, agent):
    job = queue.submit("kill -KILL $$")
    assert (ended(job).state, job.ending.reason, job.ending.signal) == (JobState.FAILED, EndReason.SIGNAL, 9)


def test_environment_and_directory_are_those_of_the_payload_and_nothing_of_the_agent(queue, agent, tmp_path):
    (tmp_path / "here").mkdir()
    job = queue.submit("pwd; env", env={"COLOUR": "blue"}, cwd=str(tmp_path / "here"))
    ended(job)
    lines = job.log.decode().splitlines()
    assert lines[0] == str(tmp_path / "here")
    assert "COLOUR=blue" in lines
    assert [line for line in lines if line.startswith("EDGE_AGENT_")] == []


def test_the_streams_of_a_command_can_be_told_apart_on_the_other_side(queue, agent):
    job = queue.submit("echo one; echo two >&2; exit 3", streams="apart")
    assert ended(job).exit_code == 3
    assert sorted(Unweaver().unweave(bytes(job.log))) == [(Stream.STDERR, b"two\n"), (Stream.STDOUT, b"one\n")]


def test_a_host_says_which_shells_it_has(queue, agent):
    capabilities = queue.registrations[-1].capabilities
    assert capabilities.get("bash", False) == bool(shutil.which("bash"))
    assert capabilities.get("pwsh", False) == bool(shutil.which("pwsh"))


def test_a_payload_that_makes_no_sense_is_rejected_in_words(queue, agent):
    job = queue.submit_job(Job(payload={"command": [], "env": {}}))
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.REJECTED)
    assert "The command cannot be read: command" in job.ending.message


@pytest.mark.parametrize(("kind", "runner"), [(JobKind.TASK, RunnerName.LOCAL), (JobKind.TASK, RunnerName.TMUX)])
def test_a_job_this_agent_has_no_runner_for_is_rejected(queue, agent, kind, runner):
    job = queue.submit_job(Job(payload={"command": "true"}, kind=kind, runner=runner))
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.REJECTED)
    assert f"cannot run a {kind.value} job with the runner {runner.value!r}" in job.ending.message


def test_a_payload_of_200_kb_arrives_whole(queue, agent):
    job = queue.submit(["sh", "-c", 'cat "$0" | wc -c', "/dev/stdin"], env={})
    ended(job)
    text = "x" * 100_000
    large = queue.submit(["sh", "-c", "printf %s $A$B | wc -c"], env={"A": text, "B": text})
    ended(large)
    assert large.log.split() == [b"200000"]


def test_no_more_runs_at_once_than_there_are_slots(queue, agent_of, tmp_path):
    """The gate opens when two run; the third starts only after one of them has ended."""
    agent_of(queue, slots=2)
    gate = tmp_path / "gate"
    jobs = [queue.submit(f"echo $$; {until_exists(gate)}", label=f"job {number}") for number in range(3)]
    wait_until(lambda: sum(bool(job.log) for job in jobs), until=lambda n: n == 2, what="two run", timeout=20)
    full = len(queue.calls_of("poll"))
    wait_until(lambda: len(queue.calls_of("poll")) > full, what="the agent polls though it is full")
    assert [job.state for job in jobs].count(JobState.QUEUED) == 1
    gate.touch()
    for job in jobs:
        assert ended(job).state is JobState.SUCCEEDED
    assert all(job.offers == 1 for job in jobs)


def test_a_free_slot_is_offered_at_once_although_a_poll_was_held(queue, agent_of):
    """A full agent's poll asks for nothing; it is given up when a slot becomes free."""
    queue.limits = queue.limits.model_copy(update={"heartbeat_seconds": 30.0})
    agent_of(queue, slots=1)
    jobs = [queue.submit("true", label=f"job {number}") for number in range(5)]
    for job in jobs:
        ended(job)
    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 5
