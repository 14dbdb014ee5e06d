"""Nothing starts without a confirm: who gets one, who does not, and what a repeat is told."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import update

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import steering
from airflow_plugin.queue.jobs import Workload
from airflow_plugin.queue.reaper import lost
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState


def test_a_confirmed_job_may_start_and_comes_with_its_payload(queue):
    workload = Workload("ExecuteTask", uuid4())
    job = queue.put(JobState.OFFERED, payload={"run": ["this"]}, workload=workload)
    (start,), withdrawn = queue.confirm_whole(job.agent, job.assignment)
    assert withdrawn == []
    assert (start.assignment_id, start.kind, start.payload) == (job.assignment, JobKind.TASK, '{"run": ["this"]}')
    assert (start.workload_type, start.workload_id) == (workload.type, workload.id)
    row = queue.job(job.id)
    assert row.state == JobState.RUNNING
    assert row.confirmed_at >= row.offered_at


def test_asked_again_the_answer_is_the_same(queue):
    """The first one may have been lost on its way."""
    job = queue.put(JobState.OFFERED, payload={"n": 1})
    first = queue.confirm_whole(job.agent, job.assignment)
    since = queue.job(job.id).confirmed_at
    assert queue.confirm_whole(job.agent, job.assignment) == first
    assert queue.job(job.id).confirmed_at == since


def test_asked_again_after_the_offer_would_have_expired_it_still_is(queue):
    job = queue.put(JobState.RUNNING)
    queue.database.pass_time(60)
    assert queue.confirm(job.agent, job.assignment) == ([job.assignment], {})


def test_an_expired_offer_is_withdrawn_whether_or_not_it_went_back_yet(queue):
    job = queue.put(JobState.OFFERED)
    queue.database.pass_time(16)
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.OFFERED})
    assert queue.state(job.id) == JobState.OFFERED


def test_what_went_back_to_the_queue_is_not_known_by_its_old_assignment(queue):
    job = queue.put(JobState.OFFERED)
    queue.register()
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: None})
    assert queue.state(job.id) == JobState.QUEUED


def test_another_agent_gets_nothing_and_learns_nothing(queue):
    mine = queue.put(JobState.OFFERED)
    other = queue.register("a2")
    unknown = uuid4()
    assert queue.confirm(other, mine.assignment, unknown) == ([], {mine.assignment: None, unknown: None})
    assert queue.state(mine.id) == JobState.OFFERED


def test_another_session_of_the_same_agent_gets_nothing(queue):
    """Asked with the id of a session that was never offered it."""
    job = queue.put(JobState.RUNNING)
    now = queue.register(held=[job.assignment])
    assert queue.confirm(now, job.assignment) == ([], {job.assignment: JobState.RUNNING})


def test_an_offer_that_an_earlier_session_left_behind_is_not_this_ones(queue):
    """A registration returns them all; if one ever stayed, it would still be nobody's to start."""
    job = queue.put(JobState.OFFERED)
    with queue.database.transaction() as session:
        session.execute(update(JobRow).values(session_id=uuid4()))
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.OFFERED})


def test_a_session_that_a_newer_one_ended_is_not_even_told_again(queue):
    """Its process may still be there: two of them would run the job."""
    job = queue.put(JobState.RUNNING)
    queue.register(held=[job.assignment])
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.RUNNING})


@pytest.mark.parametrize("state", [AgentState.LOST, AgentState.OFFLINE])
def test_an_agent_that_is_not_connected_starts_nothing(queue, state):
    """Even in the moment before what it was offered is taken from it."""
    job = queue.put(JobState.OFFERED)
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(state=state))
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.OFFERED})
    assert queue.state(job.id) == JobState.OFFERED


def test_a_lost_agent_finds_its_offer_gone(queue):
    job = queue.put(JobState.OFFERED)
    queue.database.pass_time(60)
    with queue.database.transaction() as session:
        assert lost(session, heartbeat_seconds=10, missed_heartbeats=3, listened_seconds=30)[2] == 1
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: None})


def test_a_cordon_does_not_take_back_what_was_offered_before(queue):
    job = queue.put(JobState.OFFERED)
    with queue.database.transaction() as session:
        steering.cordon(session, "a1", by="me")
    assert queue.confirm(job.agent, job.assignment)[0] == [job.assignment]


def test_what_nobody_wants_any_more_is_cancelled_and_not_offered_again(queue):
    job = queue.put(JobState.OFFERED, label="unwanted")
    answer = queue.confirm(job.agent, job.assignment, wanted=JobRow.label != "unwanted")
    assert answer == ([], {job.assignment: JobState.CANCELLED})
    row = queue.job(job.id)
    assert (row.state, row.reason, row.notify) == (JobState.CANCELLED, EndReason.CANCELLED, True)


def test_what_runs_is_not_ended_by_a_repeat_that_finds_it_unwanted(queue):
    """A running job is cancelled on its host, never by a change of mind in a lost answer's repeat."""
    job = queue.put(JobState.RUNNING, label="unwanted")
    answer = queue.confirm(job.agent, job.assignment, wanted=JobRow.label != "unwanted")
    assert answer == ([job.assignment], {})


def test_a_cancel_between_offer_and_confirm_is_told(queue):
    job = queue.put(JobState.OFFERED)
    assert queue.cancel(job.id) == 1
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.CANCELLED})


def test_a_cancel_between_confirm_and_its_repeat_withdraws_the_permission(queue):
    """Whoever asks again has not started: now it must not."""
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    assert queue.confirm(job.agent, job.assignment) == ([], {job.assignment: JobState.RUNNING})


def test_every_assignment_of_a_batch_is_answered_once(queue):
    agent = queue.register(slots=9)
    running, offered = queue.put(JobState.RUNNING, agent), queue.put(JobState.OFFERED, agent)
    ended, unwanted = queue.put(JobState.SUCCEEDED, agent), queue.put(JobState.OFFERED, agent, label="no")
    unknown = uuid4()
    ids = [running.assignment, offered.assignment, ended.assignment, unwanted.assignment, unknown]
    starts, withdrawn = queue.confirm(agent, *ids, wanted=JobRow.label != "no")
    assert sorted(starts) == sorted([running.assignment, offered.assignment])
    assert withdrawn == {
        ended.assignment: JobState.SUCCEEDED,
        unwanted.assignment: JobState.CANCELLED,
        unknown: None,
    }


@pytest.mark.parametrize(("type_", "heard"), [("ExecuteCallback", True), ("ExecuteTask", False), (None, False)])
def test_only_a_callback_tells_its_scheduler_that_it_started(queue, type_, heard):
    job = queue.put(JobState.RUNNING, workload=type_ and Workload(type_, uuid4()))
    assert [row.id for row in queue.heard()] == ([job.id] if heard else [])


def test_a_batch_that_may_start_costs_two_statements_however_large(queue):
    """One locks the jobs in their order, one starts them."""
    agent = queue.register(slots=20)
    for _ in range(20):
        queue.submit()
    ids = [each.assignment_id for each in queue.offer(agent)]
    with queue.database.recorded() as statements:
        assert len(queue.confirm(agent, *ids)[0]) == 20
    assert len(statements) == 2
