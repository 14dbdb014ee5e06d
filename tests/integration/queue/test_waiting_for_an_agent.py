"""A job that declares to wait for its lost agent: for how long, and what ends the wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_plugin.models import JobRow
from airflow_plugin.queue import agents, overview, sessions, steering
from airflow_plugin.queue.reaper import Reaped
from edge_agent.protocol import AgentState, EndReason, JobState
from tests.support.watched_reaper import SILENCE, Watched

WAIT = 100.0


@pytest.fixture
def watched(queue):
    return Watched(queue)


@pytest.fixture
def lost(queue, watched):
    """Give a job that waits for its agent, which has just been lost."""
    job = queue.put(JobState.RUNNING, lost_wait_seconds=WAIT)
    assert watched.run_for(SILENCE + 4) == [Reaped(lost_agents=["a1"])]
    return job


def standing(queue, job):
    row = queue.job(job.id)
    return row.state, row.reason


def test_it_stays_running_while_the_others_of_its_agent_fail(queue, watched):
    agent = queue.register()
    waits, fails = queue.put(JobState.RUNNING, agent, lost_wait_seconds=WAIT), queue.put(JobState.RUNNING, agent)
    assert watched.run_for(SILENCE + 4) == [Reaped(lost_agents=["a1"], failed=1)]
    assert standing(queue, waits) == (JobState.RUNNING, None)
    assert standing(queue, fails) == (JobState.FAILED, EndReason.AGENT_LOST)
    assert queue.agent().state == AgentState.LOST


def test_when_the_time_is_over_it_fails_and_its_owner_hears(queue, watched, lost):
    """The time counts from when the agent was last heard from."""
    assert watched.run_for(WAIT - SILENCE - 40) == []  # the database's time goes on by itself as well
    assert watched.run_for(50) == [Reaped(failed=1)]
    row = queue.job(lost.id)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.AGENT_LOST)
    assert row.message == "The agent was not heard from for too long; Airflow may retry elsewhere."
    assert [each.id for each in queue.heard()] == [lost.id]


def test_an_agent_that_comes_back_with_it_goes_on_and_reports_it(queue, watched, lost):
    agent = queue.register(held=[lost.assignment])
    assert agent.registered.directives.drop == ()
    numbers = iter(range(1, 1000))
    assert watched.run_for(2 * WAIT, lambda: queue.beat(agent, next(numbers), [lost.assignment])) == []
    accepted, _ = queue.report(agent, lost.assignment)
    assert accepted == [lost.assignment]
    assert standing(queue, lost) == (JobState.SUCCEEDED, EndReason.EXIT)


def test_an_agent_that_comes_back_and_is_lost_again_is_waited_for_anew(queue, watched, lost):
    watched.run_for(WAIT - SILENCE - 20)
    queue.register(held=[lost.assignment])
    assert watched.run_for(WAIT - 10) == [Reaped(lost_agents=["a1"])]
    assert standing(queue, lost) == (JobState.RUNNING, None)
    assert watched.run_for(14) == [Reaped(failed=1)]


def test_an_agent_that_comes_back_without_it_has_lost_it_at_once(queue, lost):
    queue.register()
    assert standing(queue, lost) == (JobState.FAILED, EndReason.AGENT_RESTART)


def test_an_agent_that_proves_that_it_never_started_it_puts_it_back(queue, lost):
    queue.register(never_started=[lost.assignment])
    assert standing(queue, lost) == (JobState.QUEUED, None)


def test_deleting_its_agent_fails_it_at_once(queue, lost):
    with queue.database.transaction() as session:
        assert steering.delete(session, "a1") == (1, 0)
    assert standing(queue, lost) == (JobState.FAILED, EndReason.DELETED)


def test_an_agent_that_comes_back_too_late_is_told_to_end_it(queue, watched, lost):
    watched.run_for(WAIT)
    agent = queue.register(held=[lost.assignment])
    assert agent.registered.directives.drop == (lost.assignment,)
    assert queue.report(agent, lost.assignment)[0] == []


def test_one_that_nobody_wants_any_more_waits_no_longer(queue, watched, lost):
    """Airflow has failed or cleared its task meanwhile, and its agent cannot be told."""
    queue.cancel(lost.id)
    assert watched.run_for(4) == [Reaped(failed=1)]
    assert standing(queue, lost) == (JobState.FAILED, EndReason.AGENT_LOST)


def test_a_cancel_of_a_job_whose_agent_is_there_is_for_that_agent_to_follow(queue, watched):
    job = queue.put(JobState.RUNNING, lost_wait_seconds=WAIT)
    queue.cancel(job.id)
    queue.beat(job.agent, 1, [job.assignment])
    assert watched.run_for(4) == []
    assert standing(queue, job) == (JobState.RUNNING, None)


def test_a_wait_shorter_than_the_silence_that_loses_an_agent_is_none(queue, watched):
    job = queue.put(JobState.RUNNING, lost_wait_seconds=5)
    assert watched.run_for(SILENCE - 2) == []
    assert watched.run_for(4) == [Reaped(lost_agents=["a1"], failed=1)]
    assert standing(queue, job) == (JobState.FAILED, EndReason.AGENT_LOST)


def test_our_outage_does_not_use_up_the_wait(queue, watched, lost):
    """No server was there for the agent to come back to: it gets the time in which another would be lost."""
    again = Watched(queue)
    queue.database.pass_time(10 * WAIT)
    assert again.run_for(SILENCE - 2) == []
    assert standing(queue, lost) == (JobState.RUNNING, None)
    assert again.run_for(4) == [Reaped(failed=1)]


def test_work_that_an_agent_left_behind_waits_too(queue, watched):
    job = queue.put(JobState.RUNNING, lost_wait_seconds=WAIT)
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, job.agent.ref))
    assert watched.run_for(SILENCE + 4) == [Reaped(lost_agents=["a1"])]
    assert standing(queue, job) == (JobState.RUNNING, None)


def test_the_job_list_says_until_when_it_waits(queue, lost):
    with queue.database.transaction() as session:
        (view,) = overview.jobs(session)
    until = f"{queue.agent().last_seen_at + timedelta(seconds=WAIT):%Y-%m-%d %H:%M:%S}"
    assert view.waiting == f"its agent is lost; it fails at {until} UTC unless that comes back with it"


def test_the_job_list_says_nothing_while_its_agent_is_there(queue):
    queue.put(JobState.RUNNING, lost_wait_seconds=WAIT)
    with queue.database.transaction() as session:
        (view,) = overview.jobs(session)
    assert view.waiting is None


@pytest.mark.postgres
def test_the_reaper_passes_over_one_that_is_just_coming_back(postgres_queue):
    queue = postgres_queue
    watched = Watched(queue)
    job = queue.put(JobState.RUNNING, lost_wait_seconds=WAIT)
    watched.run_for(SILENCE + 4)
    queue.database.pass_time(WAIT)
    with queue.database.transaction() as session:
        session.get_one(JobRow, job.id, with_for_update=True)
        assert not watched.run().failed
    assert standing(queue, job) == (JobState.RUNNING, None)
