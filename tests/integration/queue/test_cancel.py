"""A cancel: what nobody started ends at once, what runs is asked of its agent, what ended stays as it is."""

from __future__ import annotations

import pytest

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments, offers
from edge_agent.protocol import EndReason, JobState


def nudged(queue):
    with queue.database.transaction() as session:
        return [row.key for row in session.execute(offers.nudged())]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.OFFERED], ids=str)
def test_what_nobody_started_ends_at_once(queue, state):
    job = queue.put(state)
    assert queue.cancel(job.id, why="cleared by a user") == 1
    row = queue.job(job.id)
    assert (row.state, row.reason, row.message) == (
        JobState.CANCELLED,
        EndReason.CANCELLED,
        "cleared by a user",
    )
    assert [each.id for each in queue.heard()] == [job.id]


def test_what_runs_is_asked_of_its_agent_which_is_nudged(queue):
    job = queue.put(JobState.RUNNING)
    assert queue.cancel(job.id, why="cleared by a user") == 1
    row = queue.job(job.id)
    assert (row.state, row.cancel_reason, row.notify) == (JobState.RUNNING, "cleared by a user", False)
    assert nudged(queue) == ["a1"]
    directives = queue.beat(job.agent, 1, [job.assignment]).directives
    assert directives.cancel == (job.assignment,)
    assert nudged(queue) == [], "it was told"


def test_it_is_told_with_every_beat_until_the_job_has_ended(queue):
    """Directives are the whole truth, so that a lost answer costs nothing."""
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    for number in (1, 2, 3):
        assert queue.beat(job.agent, number, [job.assignment]).directives.cancel == (job.assignment,)
    queue.report(job.agent, job.assignment, state=JobState.CANCELLED, reason=EndReason.CANCELLED)
    assert queue.beat(job.agent, 4).directives.cancel == ()


def test_a_second_cancel_changes_nothing(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id, why="first")
    before = queue.job(job.id)
    assert queue.cancel(job.id, why="second") == 0
    after = queue.job(job.id)
    assert (after.cancel_requested_at, after.cancel_reason) == (before.cancel_requested_at, "first")


def test_a_job_may_end_by_itself_before_its_cancel_reaches_it(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    assert queue.report(job.agent, job.assignment)[0] == [job.assignment]
    assert queue.state(job.id) == JobState.SUCCEEDED


@pytest.mark.parametrize("state", sorted(each for each in JobState if each.is_terminal), ids=str)
def test_what_has_ended_stays_as_it_is_and_nobody_is_woken(queue, state):
    job = queue.put(state)
    assert queue.cancel(job.id) == 0
    assert (queue.state(job.id), nudged(queue)) == (state, [])


def test_the_holder_of_an_offer_is_nudged_because_its_slot_is_free_again(queue):
    queue.cancel(queue.put(JobState.OFFERED).id)
    assert nudged(queue) == ["a1"]


def test_only_the_agents_that_hold_something_of_it_are_nudged(queue):
    first, second = queue.register("a1"), queue.register("a2")
    mine, other = queue.put(JobState.RUNNING, first), queue.put(JobState.RUNNING, second)
    waiting = queue.put(JobState.QUEUED, first)
    assert queue.cancel(mine.id, waiting.id) == 2
    assert nudged(queue) == ["a1"]
    assert queue.job(other.id).cancel_requested_at is None


def test_nothing_to_cancel_is_nothing_to_do(queue):
    with queue.database.recorded() as statements:
        assert queue.cancel() == 0
    assert statements == []


def test_a_job_that_never_started_and_is_to_be_cancelled_ends_instead_of_going_back(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id, why="cleared by a user")
    with queue.database.transaction() as session:
        assert assignments.release(session, JobRow.id == job.id) == 0
    row = queue.job(job.id)
    assert (row.state, row.message) == (JobState.CANCELLED, "cleared by a user")


def test_a_reason_of_any_length_is_cut_to_its_column(queue):
    queued, running = queue.put(JobState.QUEUED), queue.put(JobState.RUNNING, queue.register("a2"), queue="b")
    queue.cancel(queued.id, running.id, why="x" * 5000)
    assert queue.job(queued.id).message == "x" * 2000
    assert queue.job(running.id).cancel_reason == "x" * 1000


@pytest.mark.postgres
def test_a_job_that_goes_back_while_it_is_cancelled_does_not_escape(postgres_queue):
    """It is locked for both statements of the cancel: queued ones end, running ones are asked."""
    queue = postgres_queue
    job = queue.put(JobState.RUNNING)
    with queue.database.recorded() as statements:
        queue.cancel(job.id)
    first_change = next(i for i, (sql, _) in enumerate(statements) if sql.startswith("UPDATE edge_agent_job"))
    assert any("FOR UPDATE" in sql for sql, _ in statements[:first_change])


@pytest.mark.postgres
def test_a_cancel_takes_the_agent_before_the_job_as_everybody_does(postgres_queue):
    """Or a beat, which does the same the other way round, and a cancel would wait for each other."""
    queue = postgres_queue
    job = queue.put(JobState.RUNNING)
    with queue.database.recorded() as statements:
        queue.cancel(job.id)
    tables = [sql.split()[1] for sql, _ in statements if sql.startswith("UPDATE")]
    assert tables[0] == AgentRow.__tablename__
