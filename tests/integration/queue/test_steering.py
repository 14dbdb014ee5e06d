"""Cordon, drain, delete, leave: what an admin or the agent itself decides."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from airflow_plugin.errors import Invalid, NotFound, SessionEnded
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agents, offers, sessions, steering
from edge_agent.protocol import AgentState, EndReason, JobState


def act(queue, action, *args, **options):
    with queue.database.transaction() as session:
        return action(session, *args, **options)


def is_nudged(queue):
    with queue.database.transaction() as session:
        return [row.key for row in session.execute(offers.nudged())] == ["a1"]


def test_a_cordon_keeps_who_why_and_until_when_and_is_told_at_once(queue):
    queue.register()
    act(queue, steering.cordon, "a1", by="admin", reason="disk", expires_in_seconds=60)
    row = queue.agent()
    assert (row.cordoned_by, row.cordon_reason) == ("admin", "disk")
    assert (row.cordon_expires_at - row.cordoned_at).total_seconds() == pytest.approx(60, abs=0.1)
    assert is_nudged(queue)


def test_cordoning_again_replaces_reason_and_expiry(queue):
    queue.register()
    act(queue, steering.cordon, "a1", by="admin", reason="disk", expires_in_seconds=60)
    act(queue, steering.cordon, "a1", by="other")
    row = queue.agent()
    assert (row.cordoned_by, row.cordon_reason, row.cordon_expires_at) == ("other", None, None)


def test_a_cordon_leaves_running_work_alone(queue):
    job = queue.put(JobState.RUNNING)
    act(queue, steering.cordon, "a1", by="admin")
    assert queue.report(job.agent, job.assignment)[0] == [job.assignment]


@pytest.mark.parametrize("undo", [steering.uncordon, steering.lift_expired], ids=["uncordon", "lift_expired"])
def test_a_cordon_that_is_lifted_leaves_no_trace_and_is_told_at_once(queue, undo):
    agent = queue.register()
    act(queue, steering.cordon, "a1", by="admin", reason="disk", expires_in_seconds=60)
    queue.beat(agent, 1)
    queue.database.pass_time(61)
    act(queue, undo, *(["a1"] if undo is steering.uncordon else []))
    row = queue.agent()
    assert (row.cordoned_at, row.cordoned_by, row.cordon_reason, row.cordon_expires_at) == (None,) * 4
    assert is_nudged(queue)


def test_only_cordons_whose_time_is_over_are_lifted(queue):
    for name, seconds in (("a1", 60), ("a2", 600), ("a3", None)):
        queue.register(name)
        act(queue, steering.cordon, name, by="admin", expires_in_seconds=seconds)
    queue.database.pass_time(61)
    assert act(queue, steering.lift_expired) == ["a1"]
    assert act(queue, steering.lift_expired) == []
    assert queue.agent("a2").cordoned_at is not None


def test_a_drain_is_a_cordon_without_expiry_and_with_a_deadline(queue):
    queue.register()
    act(queue, steering.drain, "a1", by="admin", deadline_seconds=90)
    row = queue.agent()
    assert (row.cordoned_by, row.cordon_reason, row.cordon_expires_at) == ("admin", "draining", None)
    assert (row.drain_deadline - row.drain_requested_at).total_seconds() == pytest.approx(90, abs=0.1)
    act(queue, steering.uncordon, "a1")
    row = queue.agent()
    assert (row.drain_requested_at, row.drain_deadline, row.cordoned_at) == (None,) * 3


def test_a_drain_does_not_expire_with_a_cordon_that_came_after_it(queue):
    queue.register()
    act(queue, steering.drain, "a1", by="admin")
    act(queue, steering.cordon, "a1", by="admin", expires_in_seconds=60)
    queue.database.pass_time(61)
    assert act(queue, steering.lift_expired) == []
    assert queue.agent().drain_requested_at is not None


@pytest.mark.parametrize("seconds", [0, -1, 1e300, float("inf"), float("nan")])
def test_a_time_that_is_over_before_it_began_or_that_nobody_will_see_is_refused(queue, seconds):
    queue.register()
    with pytest.raises(Invalid, match=re.escape(f"cannot expire in {seconds:g} seconds")):
        act(queue, steering.cordon, "a1", by="admin", expires_in_seconds=seconds)
    with pytest.raises(Invalid, match=re.escape(f"cannot end in {seconds:g} seconds")):
        act(queue, steering.drain, "a1", by="admin", deadline_seconds=seconds)
    assert queue.agent().cordoned_at is None


@pytest.mark.parametrize(
    ("action", "options"),
    [
        (steering.cordon, {"by": None}),
        (steering.uncordon, {}),
        (steering.drain, {"by": None}),
        (steering.stop, {"by": None}),
        (steering.delete, {}),
    ],
)
def test_nobody_can_steer_an_agent_that_is_not_there(queue, action, options):
    queue.register("a2")
    with pytest.raises(NotFound, match="no agent named 'a1'"):
        act(queue, action, "a1", **options)


def test_a_stop_is_a_drain_that_ends_what_still_runs_after_its_grace(queue):
    agent = queue.register(slots=8)
    running, offered = queue.put(JobState.RUNNING, agent), queue.put(JobState.OFFERED, agent)
    other = queue.put(JobState.RUNNING, queue.register("a2"))
    act(queue, steering.stop, "a1", by="admin", grace_seconds=30)
    assert is_nudged(queue)
    directives = queue.beat(agent, 1, [running.assignment]).directives
    assert (directives.drain, directives.drain_seconds_left, directives.cancel) == (True, None, ())
    assert act(queue, steering.cancel_overdue) == 0
    queue.database.pass_time(31)
    assert act(queue, steering.cancel_overdue) == 1
    assert act(queue, steering.cancel_overdue) == 0, "asked once"
    assert queue.beat(agent, 2, [running.assignment]).directives.cancel == (running.assignment,)
    assert queue.job(running.id).cancel_reason == "Its agent is being stopped by an admin."
    assert (queue.state(offered.id), queue.job(other.id).cancel_requested_at) == (JobState.OFFERED, None)


def test_a_stop_without_a_grace_ends_what_runs_at_once_and_nothing_after_it_was_taken_back(queue):
    running = queue.put(JobState.RUNNING)
    act(queue, steering.stop, "a1", by="admin", grace_seconds=0)
    act(queue, steering.uncordon, "a1")
    assert act(queue, steering.cancel_overdue) == 0
    act(queue, steering.stop, "a1", by="admin", grace_seconds=0)
    act(queue, steering.drain, "a1", by="admin")
    assert act(queue, steering.cancel_overdue) == 0, "a drain that came after it lets work end"
    act(queue, steering.stop, "a1", by="admin", grace_seconds=0)
    assert act(queue, steering.cancel_overdue) == 1
    assert queue.agent().stops_at is not None
    assert queue.job(running.id).cancel_requested_at is not None


@pytest.mark.parametrize("seconds", [-1, 1e300, float("nan")])
def test_a_grace_that_is_none_is_refused(queue, seconds):
    queue.register()
    with pytest.raises(Invalid, match=re.escape(f"a grace cannot be {seconds:g} seconds; give 0 to end what runs")):
        act(queue, steering.stop, "a1", by="admin", grace_seconds=seconds)


def test_deleting_an_agent_ends_and_returns_what_it_held(queue):
    agent = queue.register()
    running, offered = queue.put(JobState.RUNNING, agent), queue.put(JobState.OFFERED, agent)
    ended = queue.put(JobState.SUCCEEDED, agent)
    other = queue.put(JobState.RUNNING, queue.register("a2"))
    queue.heard()
    assert act(queue, steering.delete, "a1") == (1, 1)
    row = queue.job(running.id)
    assert (row.state, row.reason, row.agent_name) == (JobState.FAILED, EndReason.DELETED, "a1")
    assert queue.state(offered.id) == JobState.QUEUED
    assert queue.state(ended.id) == JobState.SUCCEEDED
    assert queue.state(other.id) == JobState.RUNNING
    assert [each.id for each in queue.heard()] == [running.id]
    with queue.database.transaction() as session:
        assert session.scalars(select(AgentRow.name)).all() == ["a2"]


def test_a_process_of_a_deleted_agent_must_register_anew_and_drops_what_it_has(queue):
    job = queue.put(JobState.RUNNING)
    act(queue, steering.delete, "a1")
    with pytest.raises(SessionEnded):
        queue.beat(job.agent, 1, [job.assignment])
    assert queue.register(held=[job.assignment]).registered.directives.drop == (job.assignment,)


def test_agents_are_listed_by_name(queue):
    for name in ("c", "a", "b"):
        queue.register(name)
    assert [row.name for row in act(queue, steering.listed)] == ["a", "b", "c"]


def leave(queue, agent):
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, agent.ref))


def test_an_agent_that_leaves_returns_its_offers_and_is_offline(queue):
    job = queue.put(JobState.OFFERED)
    leave(queue, job.agent)
    assert queue.state(job.id) == JobState.QUEUED
    row = queue.agent()
    assert (row.state, row.session_id, row.free_slots) == (AgentState.OFFLINE, None, 0)
    with pytest.raises(SessionEnded):
        queue.beat(job.agent, 1)


def test_an_agent_that_leaves_work_running_is_waited_for_and_can_take_it_up_again(queue):
    job = queue.put(JobState.RUNNING)
    leave(queue, job.agent)
    assert (queue.state(job.id), queue.agent().state) == (JobState.RUNNING, AgentState.CONNECTED)
    with pytest.raises(SessionEnded):
        queue.beat(job.agent, 1)
    queue.submit()
    now = queue.register(held=[job.assignment])
    assert queue.report(now, job.assignment)[0] == [job.assignment]


def test_leaving_late_does_not_end_the_session_of_whoever_came_after(queue):
    before = queue.register()
    with queue.database.transaction() as session:
        row = sessions.authenticate(session, before.ref)
        session.expunge(row)
    now = queue.register()
    job = queue.put(JobState.OFFERED, now)
    with pytest.raises(SessionEnded, match="a newer one began"), queue.database.transaction() as session:
        agents.leave(session, row)
    assert queue.agent().state == AgentState.CONNECTED
    assert queue.confirm(now, job.assignment)[0] == [job.assignment]
