"""Every verb from every state: the table of transitions and the statements say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_plugin.models import JobRow
from airflow_plugin.queue import assignments, jobs
from airflow_plugin.queue.steps import step
from edge_agent.protocol import TRANSITIONS, EndReason, JobState
from tests.support.queue_bed import Held, QueueBed

ENDS = {
    JobState.SUCCEEDED: EndReason.EXIT,
    JobState.FAILED: EndReason.SIGNAL,
    JobState.CANCELLED: EndReason.CANCELLED,
}


def offer(queue: QueueBed, job: Held) -> None:
    queue.offer(job.agent, keys=[queue.job(job.id).placement])


def expire(queue: QueueBed, job: Held) -> None:
    with queue.database.transaction() as session:
        assignments.expire(session, JobRow.id == job.id)


def confirm(queue: QueueBed, job: Held) -> None:
    queue.confirm(job.agent, job.assignment)


def release(queue: QueueBed, job: Held) -> None:
    with queue.database.transaction() as session:
        assignments.release(session, JobRow.id == job.id)


def report(state: JobState) -> Callable[[QueueBed, Held], None]:
    def ended(queue: QueueBed, job: Held) -> None:
        queue.report(job.agent, job.assignment, state=state, reason=ENDS[state], exit_code=7)

    return ended


def lose(queue: QueueBed, job: Held) -> None:
    with queue.database.transaction() as session:
        assignments.lose(session, JobRow.id == job.id, EndReason.AGENT_LOST, "lost")


def give_up(queue: QueueBed, job: Held) -> None:
    queue.database.pass_time(1000)
    with queue.database.transaction() as session:
        jobs.give_up_waiting(session)
    queue.database.pass_time(-1000)


def cancel(queue: QueueBed, job: Held) -> None:
    queue.cancel(job.id)


VERBS: dict[tuple[str, JobState], Callable[[QueueBed, Held], None]] = {
    ("offer", JobState.OFFERED): offer,
    ("expire", JobState.QUEUED): expire,
    ("confirm", JobState.RUNNING): confirm,
    ("release", JobState.QUEUED): release,
    ("report", JobState.SUCCEEDED): report(JobState.SUCCEEDED),
    ("report", JobState.FAILED): report(JobState.FAILED),
    ("report", JobState.CANCELLED): report(JobState.CANCELLED),
    ("lose", JobState.FAILED): lose,
    ("give_up", JobState.FAILED): give_up,
    ("cancel", JobState.CANCELLED): cancel,
}

A_CANCEL_LEAVES_A_NOTE = {"cancel_requested_at", "cancel_reason"}


def columns_of(row: JobRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in JobRow.__table__.columns}


def test_every_transition_has_its_statement_here():
    assert set(VERBS) == {(each.verb, each.target) for each in TRANSITIONS}


@pytest.mark.parametrize("source", JobState, ids=str)
@pytest.mark.parametrize(("verb", "target"), VERBS, ids=str)
def test_a_statement_moves_a_job_only_where_the_table_says(queue, source, verb, target):
    """And from everywhere else it leaves the row as it was."""
    job = queue.put(source, queue_timeout_seconds=900)
    before = queue.job(job.id)
    VERBS[verb, target](queue, job)
    after = queue.job(job.id)
    if any((each.source, each.target, each.verb) == (source, target, verb) for each in TRANSITIONS):
        assert after.state == target
        return
    changed = {name for name, value in columns_of(after).items() if value != columns_of(before)[name]}
    assert changed <= (A_CANCEL_LEAVES_A_NOTE if (verb, source) == ("cancel", JobState.RUNNING) else set())


@pytest.mark.parametrize("target", JobState, ids=str)
@pytest.mark.parametrize("verb", sorted({each.verb for each in TRANSITIONS}))
def test_no_statement_can_be_made_for_a_step_the_table_does_not_have(verb, target):
    if any((each.verb, each.target) == (verb, target) for each in TRANSITIONS):
        step(verb, target)
        return
    with pytest.raises(ValueError, match=f"no transition named '{verb}' leads to"):
        step(verb, target)


@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda each: f"{each.source}-{each.verb}-{each.target}")
def test_a_step_leaves_behind_only_what_belongs_to_the_new_state(queue, transition):
    job = queue.put(transition.source, queue_timeout_seconds=900)
    VERBS[transition.verb, transition.target](queue, job)
    row = queue.job(job.id)
    assert (row.ended_at is not None) == (row.reason is not None) == transition.target.is_terminal
    if row.reason is not None:
        assert EndReason(row.reason) in transition.reasons
    assert row.notify == transition.target.is_terminal, "its owner hears of an end, and of nothing else"
    if transition.target is JobState.QUEUED:
        holder = (row.agent_name, row.session_id, row.assignment_id, row.offered_at, row.offer_expires_at)
        assert holder == (None,) * 5
        assert (row.confirmed_at, row.silent_beat, row.log_bytes, row.log_full) == (None, 0, 0, False)
    if transition.target in (JobState.OFFERED, JobState.RUNNING):
        assert (row.agent_name, row.session_id) == (job.agent.name, job.agent.session_id)
        assert (row.confirmed_at is not None) == (transition.target is JobState.RUNNING)
