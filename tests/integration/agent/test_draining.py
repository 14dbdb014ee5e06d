"""Draining: by a signal, by an admin, in time or not, and what is left running when it is not."""

from __future__ import annotations

import signal

from edge_agent.protocol import Directives, EndReason, JobState, Poll
from tests.integration.agent.steps import ended, registered, running, until_exists
from tests.support.waiting import wait_until


def asked_slots(queue):
    return [Poll.model_validate_json(call.body).free_slots for call in queue.calls_of("poll")]


def test_an_idle_agent_leaves_at_once_and_says_so(queue, agent):
    agent.process.send(signal.SIGTERM)
    assert agent.process.wait(timeout=10) == 0
    assert queue.has_left


def test_sigterm_takes_no_new_work_and_waits_for_what_runs(queue, agent, tmp_path):
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}")
    running(job, until=b"up")
    agent.process.send(signal.SIGTERM)
    wait_until(lambda: "event=draining" in agent.output(), what="the agent says that it drains")
    wait_until(lambda: asked_slots(queue)[-1:] == [0], what="it asks for no work any more")
    later = queue.submit("echo later", label="later")
    beats = len(queue.beats)
    wait_until(lambda: len(queue.beats), until=lambda now: now >= beats + 3, what="it goes on beating")
    assert later.state is JobState.QUEUED
    (tmp_path / "gate").touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert agent.process.wait(timeout=15) == 0
    assert later.offers == 0
    assert queue.has_left


def test_a_cancel_still_arrives_while_draining(queue, agent):
    job = queue.submit("echo up; sleep 300")
    running(job, until=b"up")
    agent.process.send(signal.SIGTERM)
    wait_until(lambda: "event=draining" in agent.output(), what="the agent says that it drains")
    queue.cancel(job)
    assert ended(job).state is JobState.CANCELLED
    assert agent.process.wait(timeout=15) == 0


def test_a_second_sigterm_ends_what_runs_and_reports_it_as_killed(queue, agent):
    """Not as cancelled: the job is still wanted, so Airflow may retry it."""
    job = queue.submit("echo up; sleep 300")
    running(job, until=b"up")
    agent.process.send(signal.SIGTERM)
    wait_until(lambda: "event=draining" in agent.output(), what="the agent says that it drains")
    agent.process.send(signal.SIGTERM)
    assert agent.process.wait(timeout=20) == 0
    assert (job.state, job.ending.reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert "told to stop it at once" in job.ending.message


def test_sigint_does_the_same_as_sigterm(queue, agent):
    agent.process.send(signal.SIGINT)
    assert agent.process.wait(timeout=10) == 0


def test_what_outlives_the_drain_timeout_is_declared_left_running_and_adopted_by_the_next_start(
    queue, agent_of, tmp_path
):
    host = agent_of(queue, drain_timeout_seconds=0.2)
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}; echo done")
    running(job, until=b"up")
    host.process.send(signal.SIGTERM)
    assert host.process.wait(timeout=15) == 0
    assert queue.beats[-1].held == (job.assignment_id,)
    assert queue.has_left
    (tmp_path / "gate").touch()
    host.start()
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"up\ndone\n"


def test_an_agent_without_a_server_leaves_on_sigterm_too(queue, agent_of):
    queue.go_away()
    host = agent_of(queue)
    wait_until(lambda: "contact_lost" in host.output(), what="the agent looks for its server", timeout=20)
    host.process.send(signal.SIGTERM)
    assert host.process.wait(timeout=10) == 0


def test_an_ending_that_cannot_be_delivered_does_not_hold_up_the_drain(queue, agent, tmp_path):
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}")
    running(job, until=b"up")
    queue.go_away()
    (tmp_path / "gate").touch()
    wait_until(lambda: "assignment_ended" in agent.output(), what="the job ends")
    agent.process.send(signal.SIGTERM)
    assert agent.process.wait(timeout=45) == 0
    queue.come_back()
    agent.start()
    assert ended(job).state is JobState.SUCCEEDED


def test_an_admins_drain_ends_the_agent_when_its_work_is_done(queue, agent, tmp_path):
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}")
    running(job, until=b"up")
    queue.order(draining=Directives(drain=True))
    wait_until(lambda: "event=drain_ordered" in agent.output(), what="the agent is told")
    (tmp_path / "gate").touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert agent.process.wait(timeout=15) == 0


def test_an_admins_drain_with_a_deadline_leaves_work_running_when_it_passes(queue, agent):
    job = queue.submit("echo up; sleep 300")
    running(job, until=b"up")
    queue.order(draining=Directives(drain=True, drain_seconds_left=0.1))
    assert agent.process.wait(timeout=15) == 0
    assert job.state is JobState.RUNNING
    assert queue.beats[-1].held == (job.assignment_id,)


def test_a_drain_that_is_taken_back_lets_the_agent_work_again(queue, agent, tmp_path):
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}", label="first")
    running(job, until=b"up")
    queue.order(draining=Directives(drain=True))
    wait_until(lambda: "event=drain_ordered" in agent.output(), what="the agent is told")
    queue.order(draining=None)
    assert ended(queue.submit("true", label="second")).state is JobState.SUCCEEDED
    (tmp_path / "gate").touch()
    ended(job)
    assert agent.process.is_running


def test_a_cordon_offers_nothing_and_is_told_in_the_log_and_the_status(queue, agent):
    queue.order(cordoned="disk swap")
    wait_until(lambda: "Cordoned: disk swap" in agent.output(), what="the agent is told")
    wait_until(lambda: "CORDONED: disk swap" in agent.run("status").stdout, what="the status says so", timeout=20)
    job = queue.submit("true")
    queue.order(cordoned=None)
    assert ended(job).state is JobState.SUCCEEDED
    assert "event=uncordoned" in agent.output()


def test_an_admin_may_change_the_slots(queue, agent):
    queue.order(slots_override=1)
    wait_until(lambda: "This agent has 1 slots now, 4 before" in agent.output(), what="the agent is told")
    queue.order(slots_override=None)
    registered(queue)
    wait_until(lambda: "This agent has 4 slots now, 1 before" in agent.output(), what="it is taken back")
