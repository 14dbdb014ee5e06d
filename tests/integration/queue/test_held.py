"""Heartbeats: what an agent says it holds is compared with the table, and the difference is mended."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from airflow_plugin import clock
from airflow_plugin.errors import SessionEnded
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agents, steering
from airflow_plugin.queue.sessions import SessionRef
from edge_agent.protocol import AgentState, Beat, EndReason, HostHealth, JobState


def test_a_beat_renews_the_agent_and_keeps_what_it_said(queue):
    agent = queue.register(capabilities={"os": "linux"})
    queue.database.pass_time(20)
    heard = queue.beat(agent, 7, free_slots=3, health=HostHealth(load_1m=0.5), capabilities={"os": "bsd"})
    row = queue.agent()
    with queue.database.transaction() as session:
        now = session.scalar(select(clock.now()))
    assert abs((now - row.last_seen_at).total_seconds()) < 2
    assert heard.seen_at == row.last_seen_at
    assert (row.beat, row.free_slots, row.health["load_1m"]) == (7, 3, 0.5)
    assert row.capabilities == {"os": "bsd", "kind.task": True, "agent.name": "a1"}
    assert (heard.name, heard.slots, heard.queues, heard.may_take_work) == ("a1", 4, ("default",), True)
    assert heard.capabilities == row.capabilities


def test_health_and_capabilities_stay_as_they_were_when_a_beat_says_nothing_of_them(queue):
    agent = queue.register(capabilities={"os": "linux"})
    queue.beat(agent, 1, health=HostHealth(load_1m=0.5))
    queue.beat(agent, 2)
    row = queue.agent()
    assert (row.health["load_1m"], row.capabilities["os"]) == (0.5, "linux")


def test_an_idle_agent_costs_one_statement_a_beat(queue):
    agent = queue.register()
    queue.put(JobState.SUCCEEDED, agent)
    with queue.database.recorded() as statements:
        queue.beat(agent, 1)
    assert len(statements) == 1


def test_a_busy_agent_that_holds_what_it_should_costs_one_question_more(queue):
    agent = queue.register()
    held = [queue.put(JobState.RUNNING, agent).assignment for _ in range(3)]
    with queue.database.recorded() as statements:
        queue.beat(agent, 1, held)
    assert [sql.split()[0] for sql, _ in statements] == ["UPDATE", "SELECT"]


def test_a_running_job_that_is_missing_from_two_beats_never_started_and_goes_back(queue):
    job = queue.put(JobState.RUNNING)
    queue.beat(job.agent, 1)
    assert (queue.state(job.id), queue.job(job.id).silent_beat) == (JobState.RUNNING, 1)
    queue.beat(job.agent, 2)
    assert queue.state(job.id) == JobState.QUEUED
    assert queue.heard() == [], "for its owner nothing has happened"


def test_the_same_beat_twice_is_one_silence(queue):
    """It was sent again because its answer was lost."""
    job = queue.put(JobState.RUNNING)
    for _ in range(3):
        queue.beat(job.agent, 5)
    assert queue.state(job.id) == JobState.RUNNING


def test_a_job_that_is_there_again_was_never_missing(queue):
    """The first beat was under way when its confirm came."""
    job = queue.put(JobState.RUNNING)
    queue.beat(job.agent, 1)
    queue.beat(job.agent, 2, [job.assignment])
    assert queue.job(job.id).silent_beat == 0
    queue.beat(job.agent, 3)
    assert queue.state(job.id) == JobState.RUNNING


def test_a_beat_that_a_newer_one_overtook_mends_nothing(queue):
    """Two that were under way when a confirm was answered arrive after it: the job has started."""
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    queue.beat(job.agent, 3, [job.assignment])
    for number in (1, 2):
        stale = queue.beat(job.agent, number)
        assert (stale.directives.cancel, stale.directives.drop) == ((job.assignment,), ())
    row = queue.job(job.id)
    assert (row.state, row.silent_beat, queue.agent().beat) == (JobState.RUNNING, 0, 3)


def test_what_was_only_offered_is_not_missed(queue):
    job = queue.put(JobState.OFFERED)
    for number in (1, 2, 3):
        queue.beat(job.agent, number)
    assert queue.state(job.id) == JobState.OFFERED


def test_what_was_only_offered_may_be_held_already(queue):
    """Its confirm is under way; told to drop it, the agent would kill what it is about to start."""
    job = queue.put(JobState.OFFERED)
    assert queue.beat(job.agent, 1, [job.assignment]).directives.drop == ()


def test_a_job_of_an_earlier_session_that_is_missing_once_is_gone(queue):
    job = queue.put(JobState.RUNNING)
    now = queue.register(held=[job.assignment])
    assert queue.state(job.id) == JobState.RUNNING
    queue.beat(now, 1, [job.assignment])
    queue.beat(now, 2)
    row = queue.job(job.id)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.AGENT_RESTART)
    assert [each.id for each in queue.heard()] == [job.id]


def test_what_is_held_and_not_the_agents_is_to_be_dropped(queue):
    agent, other = queue.register("a1"), queue.register("a2")
    mine = queue.put(JobState.RUNNING, agent)
    foreign, ended = queue.put(JobState.RUNNING, other), queue.put(JobState.FAILED, agent)
    unknown = uuid4()
    held = [mine.assignment, foreign.assignment, ended.assignment, unknown]
    drop = queue.beat(agent, 1, held).directives.drop
    assert sorted(drop) == sorted([foreign.assignment, ended.assignment, unknown])
    assert queue.state(foreign.id) == JobState.RUNNING


def test_an_agent_that_holds_nothing_in_the_table_is_told_to_drop_what_it_has(queue):
    agent, unknown = queue.register(), uuid4()
    assert queue.beat(agent, 1, [unknown]).directives.drop == (unknown,)


def test_a_missing_job_that_is_to_be_cancelled_is_cancelled(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id, why="cleared")
    queue.beat(job.agent, 1)
    queue.beat(job.agent, 2)
    row = queue.job(job.id)
    assert (row.state, row.reason, row.message) == (JobState.CANCELLED, EndReason.CANCELLED, "cleared")


def test_a_beat_hears_of_a_cordon_a_drain_and_their_ends(queue):
    agent = queue.register()
    with queue.database.transaction() as session:
        steering.cordon(session, "a1", by="me", reason="disk", expires_in_seconds=60)
    directives = queue.beat(agent, 1).directives
    assert (directives.cordoned, directives.cordon_reason, directives.drain) == (True, "disk", False)
    queue.database.pass_time(61)
    assert not queue.beat(agent, 2).directives.cordoned, "over by the database's clock, lifted or not"
    with queue.database.transaction() as session:
        steering.drain(session, "a1", by="me", deadline_seconds=60)
    heard = queue.beat(agent, 3)
    assert heard.directives.drain
    assert heard.directives.drain_seconds_left == pytest.approx(60, abs=1)
    assert not heard.may_take_work
    queue.database.pass_time(100)
    assert queue.beat(agent, 4).directives.drain_seconds_left == 0
    with queue.database.transaction() as session:
        steering.uncordon(session, "a1")
    assert queue.beat(agent, 5).may_take_work


def test_only_the_current_session_with_its_own_secret_is_heard(queue):
    before, other = queue.register("a1"), queue.register("a2")
    now = queue.register("a1")
    for session_id, secret in (
        (before.session_id, before.secret),
        (now.session_id, before.secret),
        (now.session_id, other.secret),
        (uuid4(), now.secret),
        (now.session_id, ""),
    ):
        ref = SessionRef(session_id, SecretStr(secret), now.host_key)
        with pytest.raises(SessionEnded), queue.database.transaction() as session:
            agents.hear(session, ref, Beat(number=1, free_slots=0), token_seconds=3600)
    assert queue.agent().beat == 0


def test_a_lost_agent_is_told_that_it_is(queue):
    agent = queue.register()
    with queue.database.transaction() as session:
        session.get_one(AgentRow, "a1").state = AgentState.LOST
    with pytest.raises(SessionEnded, match="The agent is lost: it was not heard from in time"):
        queue.beat(agent, 1)


def test_a_refresh_tells_what_was_decided_without_renewing(queue):
    job = queue.put(JobState.RUNNING)
    queue.database.pass_time(9)
    seen = queue.agent().last_seen_at
    queue.cancel(job.id)
    with queue.database.transaction() as session:
        heard = agents.refresh(session, job.agent.ref)
    assert heard.directives.cancel == (job.assignment,)
    row = queue.agent()
    assert (row.last_seen_at, row.nudged) == (seen, False)


def test_a_refresh_of_a_session_that_ended_is_refused(queue):
    before = queue.register()
    queue.register()
    with pytest.raises(SessionEnded), queue.database.transaction() as session:
        agents.refresh(session, before.ref)
