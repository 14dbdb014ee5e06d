"""An end is written once: the first report counts, its repeat is accepted, any other is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import update

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments, steering
from edge_agent.protocol import Ending, EndReason, JobState, Refused


def test_a_report_writes_the_end_as_the_host_saw_it(queue):
    job = queue.put(JobState.RUNNING)
    end = {"exit_code": 3, "signal": 9, "message": "it broke", "ran_seconds": 1.5}
    answer = queue.report(job.agent, job.assignment, state=JobState.FAILED, reason=EndReason.SIGNAL, **end)
    assert answer == ([job.assignment], [])
    row = queue.job(job.id)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert {name: getattr(row, name) for name in end} == end
    assert row.ended_at >= row.confirmed_at
    assert [each.id for each in queue.heard()] == [job.id]


def test_the_same_report_again_is_accepted_again_and_changes_nothing(queue):
    job = queue.put(JobState.RUNNING)
    first = queue.report(job.agent, job.assignment, exit_code=0)
    queue.heard()
    before = queue.job(job.id)
    assert queue.report(job.agent, job.assignment, exit_code=0) == first
    after = queue.job(job.id)
    assert (after.ended_at, after.notify) == (before.ended_at, False)


@pytest.mark.parametrize(
    ("state", "reason"), [(JobState.FAILED, EndReason.EXIT), (JobState.CANCELLED, EndReason.CANCELLED)]
)
def test_a_different_end_is_refused_with_the_one_that_stands(queue, state, reason):
    job = queue.put(JobState.SUCCEEDED)
    accepted, (refused,) = queue.report(job.agent, job.assignment, state=state, reason=reason)
    assert accepted == []
    assert (refused.assignment_id, refused.state) == (job.assignment, JobState.SUCCEEDED)
    assert refused.message == "The job is succeeded by now; drop it."
    assert queue.state(job.id) == JobState.SUCCEEDED


def test_the_same_state_for_another_reason_is_another_end(queue):
    job = queue.put(JobState.RUNNING)
    queue.report(job.agent, job.assignment, state=JobState.FAILED, reason=EndReason.TIMEOUT)
    _, (refused,) = queue.report(job.agent, job.assignment, state=JobState.FAILED, reason=EndReason.EXIT)
    assert refused.state == JobState.FAILED
    assert queue.job(job.id).reason == EndReason.TIMEOUT


def test_a_report_that_comes_after_the_job_was_lost_is_refused(queue):
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        assignments.lose(session, JobRow.id == job.id, EndReason.AGENT_LOST, "silent")
    _, (refused,) = queue.report(job.agent, job.assignment)
    assert refused.state == JobState.FAILED
    assert queue.job(job.id).reason == EndReason.AGENT_LOST


def test_a_report_that_comes_after_the_job_went_back_to_the_queue_is_not_an_assignment_any_more(queue):
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        assignments.release(session, JobRow.id == job.id)
    again = queue.offer(job.agent)[0]
    queue.confirm(job.agent, again.assignment_id)
    _, (refused,) = queue.report(job.agent, job.assignment)
    assert (refused.state, refused.message) == (None, "Not an assignment of yours.")
    assert queue.state(job.id) == JobState.RUNNING


def test_a_job_that_was_only_offered_cannot_end(queue):
    job = queue.put(JobState.OFFERED)
    _, (refused,) = queue.report(job.agent, job.assignment)
    assert refused.state == JobState.OFFERED


def test_another_agents_assignment_is_not_told_apart_from_one_that_never_was(queue):
    mine = queue.put(JobState.RUNNING)
    other = queue.register("a2")
    unknown = uuid4()
    _, refused = queue.report(other, mine.assignment, unknown)
    message = "Not an assignment of yours."
    assert refused == [Refused(assignment_id=id_, state=None, message=message) for id_ in (mine.assignment, unknown)]
    assert queue.state(mine.id) == JobState.RUNNING


def test_after_a_restart_an_agent_reports_what_its_session_before_had_confirmed(queue):
    job = queue.put(JobState.RUNNING)
    now = queue.register(held=[job.assignment])
    assert queue.report(now, job.assignment) == ([job.assignment], [])
    assert queue.state(job.id) == JobState.SUCCEEDED


def test_a_batch_has_an_answer_for_each_in_its_order(queue):
    agent = queue.register(slots=9)
    jobs = [queue.put(JobState.RUNNING, agent) for _ in range(4)]
    done = queue.put(JobState.FAILED, agent)
    ids = [each.assignment for each in jobs]
    accepted, refused = queue.report(agent, ids[2], done.assignment, ids[0], ids[3])
    assert accepted == [ids[2], ids[0], ids[3]]
    assert [each.assignment_id for each in refused] == [done.assignment]
    assert queue.state(jobs[1].id) == JobState.RUNNING


def test_each_of_a_batch_that_ended_alike_keeps_its_own_duration(queue):
    agent = queue.register(slots=9)
    jobs = [queue.put(JobState.RUNNING, agent) for _ in range(3)]
    ends = [(jobs[0], 1.0), (jobs[1], 2.5), (jobs[2], None)]
    endings = [
        Ending(
            assignment_id=job.assignment,
            state=JobState.SUCCEEDED,
            reason=EndReason.EXIT,
            ran_seconds=seconds,
            log_bytes=0,
        )
        for job, seconds in ends
    ]
    with queue.database.recorded() as statements, queue.database.transaction() as session:
        assert len(assignments.report(session, agent=agent.name, endings=endings)[0]) == 3
    assert len(statements) == 2, "one that locks the jobs in their order, and one for those that ended alike"
    assert [queue.job(job.id).ran_seconds for job, _ in ends] == [1.0, 2.5, None]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("before\0after \N{GRINNING FACE} ä", "before\\x00after \N{GRINNING FACE} ä"),
        ("lost\n2026-11-21 INFO all is well\x1b[2K\x9d0;x", r"lost 2026-11-21 INFO all is well\x1b[2K\x9d0;x"),
        ("\0" * 2000, r"\x00" * 500),
    ],
)
def test_a_message_is_stored_as_one_line_that_can_be_shown_anywhere(queue, said, stored):
    """It goes into the scheduler's log and onto terminals. Refused, the agent would report the same for ever."""
    job = queue.put(JobState.RUNNING)
    queue.report(job.agent, job.assignment, state=JobState.FAILED, message=said)
    assert queue.job(job.id).message == stored


def test_an_end_reported_by_a_lost_agent_counts_if_nothing_was_taken_from_it(queue):
    """The job is still its own: the end is the end, whatever the agent's state."""
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(state="lost"))
    assert queue.report(job.agent, job.assignment) == ([job.assignment], [])


def test_a_deleted_agents_report_is_refused_with_the_end_that_stands(queue):
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        assert steering.delete(session, "a1") == (1, 0)
    _, (refused,) = queue.report(job.agent, job.assignment)
    assert refused.state == JobState.FAILED
    assert queue.job(job.id).reason == EndReason.DELETED
