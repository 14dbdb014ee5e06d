"""Cancel and drop: what is no longer wanted ends, with everything it started, and nothing else does."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from edge_agent.protocol import EndReason, JobState
from tests.integration.agent.steps import ended, forgotten, running, until_exists
from tests.support.waiting import wait_until


def gone(pid):
    wait_until(lambda: not psutil.pid_exists(pid), what=f"process {pid} is gone")


def test_a_cancelled_command_is_asked_to_end_and_reported_cancelled(queue, agent):
    job = queue.submit("trap 'echo tidied; exit 3' TERM; echo up; while :; do sleep 0.05; done")
    running(job, until=b"up")
    queue.cancel(job)
    assert (ended(job).state, job.ending.reason) == (JobState.CANCELLED, EndReason.CANCELLED)
    assert job.log.startswith(b"up\n")
    assert job.log.endswith(b"tidied\n")
    forgotten(agent)


def test_what_ignores_the_request_is_killed_with_all_it_started(queue, agent_of):
    """One child in the same session, one in a session of its own, as Airflow's Bash operator does."""
    agent_of(queue, cancel_grace_seconds=0.3)
    job = queue.submit("trap '' TERM; sleep 300 & echo $!; setsid sleep 300 & echo $!; echo up; wait; wait")
    running(job, until=b"up")
    children = [int(word) for word in job.log.split()[:2]]
    queue.cancel(job)
    assert ended(job).state is JobState.CANCELLED
    for pid in children:
        gone(pid)


def test_a_directive_that_is_repeated_does_not_make_the_agent_spin(queue, agent_of):
    """A server answers polls at once while it wants something, and it wants it until it is done."""
    agent_of(queue, cancel_grace_seconds=3)
    job = queue.submit("trap '' TERM; echo up; while :; do sleep 0.05; done")
    running(job, until=b"up")
    before = len(queue.calls_of("poll"))
    with queue.changed:
        queue.always_nudged = True
    queue.cancel(job)
    ended(job)
    queue.always_nudged = False
    assert len(queue.calls_of("poll")) - before < 12


def test_a_job_taken_away_is_killed_and_forgotten_without_a_report(queue, agent):
    job = queue.submit("echo $$; sleep 300")
    running(job, until=b"\n")
    queue.lose(job)
    gone(int(job.log.split()[0]))
    forgotten(agent)
    assert (job.reports, job.state) == (0, JobState.FAILED)


def test_a_job_taken_away_while_the_agent_was_cut_off_is_gone_before_new_work_comes(queue, agent_of, tmp_path):
    """It takes its time to end, and there are free slots beside it."""
    agent_of(queue, cancel_grace_seconds=1.5)
    taken = queue.submit("trap '' TERM; echo $$; while :; do sleep 0.05; done")
    pid = int(running(taken, until=b"\n").log.split()[0])
    queue.go_away()
    with queue.changed:
        taken.step("lose", JobState.FAILED)
        queue.session = None
    proof = tmp_path / "alive"
    # A zombie has ended: who takes the place of its parent may take a while to reap it.
    following = queue.submit(f"grep -q 'State:.[^Z]' /proc/{pid}/status && touch {proof}; true")
    queue.come_back()
    ended(following, timeout=40)
    assert not proof.exists()
    assert taken.reports == 0


def test_a_command_killed_together_with_its_wrapper_leaves_nothing_running(queue, agent):
    """The wrapper cannot write a result when it is killed: the rest of its session is ended, and said so."""
    job = queue.submit("trap '' TERM HUP; echo $PPID $$; sleep 300")
    wrapper, shell = (int(word) for word in running(job, until=b"\n").log.split())
    os.kill(wrapper, signal.SIGKILL)
    assert (ended(job).state, job.ending.reason, job.ending.signal) == (JobState.FAILED, EndReason.SIGNAL, 9)
    assert "killed by signal SIGKILL that the agent did not send" in job.ending.message
    gone(shell)


def test_what_a_command_leaves_running_on_purpose_goes_on(queue, agent):
    job = queue.submit("sleep 300 > /dev/null 2>&1 & echo $!")
    assert ended(job).state is JobState.SUCCEEDED
    pid = int(job.log)
    assert psutil.Process(pid).is_running()
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["cancel", "lose"])
def test_other_jobs_go_on_when_one_is_ended(queue, agent, tmp_path, how):
    other = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}; echo done", label="other")
    job = queue.submit("sleep 300", label="ended")
    running(other, until=b"up")
    running(job)
    getattr(queue, how)(job)
    wait_until(lambda: job.state.is_terminal, what="the job is over")
    (tmp_path / "gate").touch()
    assert ended(other).state is JobState.SUCCEEDED
    assert bytes(other.log) == b"up\ndone\n"


def test_the_directory_of_a_failed_job_is_kept_where_the_operator_wants_it(queue, agent_of):
    host = agent_of(queue, keep_failed_hours=1)
    good, bad = queue.submit("true"), queue.submit("echo why; exit 3")
    ended(good)
    ended(bad)
    forgotten(host)
    (kept,) = (host.state / "kept").iterdir()
    assert kept.name == str(bad.assignment_id)
    assert (kept / "output.log").read_text() == "why\n"
    assert not (kept / "payload.json").exists()
