"""Commands and the task instances they belong to: once Airflow goes on without that try, its commands are ended.

A task instance keeps its id and its number of the try while it defers, is rescheduled, waits for a person and goes
on again; a retry, a clear and a deletion change one of the two. So a command is wanted as long as its task instance
is there with both, in a state that goes on.

What if it dies here? Whoever ends commands looks again a second later, and any API server does it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import exists, or_, select, text, tuple_

from airflow_plugin.errors import Conflict
from airflow_plugin.models import TIE_IS_OPEN, JobRow
from airflow_plugin.queue import jobs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from edge_agent.protocol.commands import Tie

GOES_ON = (
    TaskInstanceState.RUNNING,
    TaskInstanceState.DEFERRED,
    TaskInstanceState.AWAITING_INPUT,
    TaskInstanceState.UP_FOR_RESCHEDULE,
    # On its way back to a worker: a new try would have another number.
    TaskInstanceState.SCHEDULED,
    TaskInstanceState.QUEUED,
)

_WHY = {
    TaskInstanceState.FAILED: "Its task was marked failed, or has failed.",
    TaskInstanceState.SUCCESS: "Its task was marked success, or has ended without it.",
    TaskInstanceState.SKIPPED: "Its task was skipped.",
    TaskInstanceState.UP_FOR_RETRY: "Its try of the task has failed; Airflow makes another one.",
    TaskInstanceState.RESTARTING: "Its task was cleared.",
    None: "Its task was cleared.",
}
ANOTHER_TRY = "Its task was cleared, or Airflow has gone on to another try of it."
DELETED = "Its task was deleted."


def require(session: Session, tie: Tie) -> None:
    """Let pass a command whose task instance goes on, and is what the command says.

    :raises Conflict: else. Whoever submits it is a process that Airflow has given up.
    """
    key = TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index
    said = tie.dag_id, tie.run_id, tie.task_id, tie.map_index, tie.try_number
    row = session.execute(
        select(*key, TaskInstance.try_number, TaskInstance.state).where(TaskInstance.id == tie.id)
    ).first()
    if row is None or tuple(row[:-1]) != said:
        why = "it is not there any more, or another try of it is"
    elif row.state not in GOES_ON:
        why = f"it is {row.state or 'cleared'} by now"
    else:
        return
    msg = f"Airflow does not wait for the task instance that submits this ({tie.task_id}): {why}. Nothing was queued."
    raise Conflict(msg, None)


def is_wanted() -> ColumnElement[bool]:
    """Return the condition on a job that no task instance it ends with has ended."""
    goes_on = exists().where(
        TaskInstance.id == JobRow.tie_id,
        TaskInstance.try_number == JobRow.try_number,
        TaskInstance.state.in_(GOES_ON),
    )
    return or_(~JobRow.tied, goes_on)


def end_unwanted(session: Session, only: UUID | None = None) -> int:
    """Have the commands ended that Airflow goes on without, or that one if it is; return how many.

    One statement by an index of nothing but open commands with a tie. Those it finds are few.
    """
    columns = JobRow.id, JobRow.tie_id, JobRow.dag_id, JobRow.run_id, JobRow.task_id, JobRow.map_index
    unwanted = select(*columns, JobRow.try_number).where(
        text(TIE_IS_OPEN), JobRow.tied, JobRow.cancel_requested_at.is_(None), ~is_wanted()
    )
    if only is not None:
        unwanted = unwanted.where(JobRow.id == only)
    rows = session.execute(unwanted.order_by(JobRow.id)).all()
    by_reason: dict[str, list[UUID]] = {}
    for row, why in zip(rows, _reasons(session, rows), strict=True):
        by_reason.setdefault(why, []).append(row.id)
    return sum(jobs.cancel(session, ids, why) for why, ids in by_reason.items())


def _reasons(session: Session, rows: Collection[Any]) -> list[str]:
    """Return what Airflow did to the task instance of each of these commands."""
    if not rows:
        return []
    ids = [row.tie_id for row in rows]
    same = select(TaskInstance.id, TaskInstance.state, TaskInstance.try_number).where(TaskInstance.id.in_(ids))
    known = {row.id: row for row in session.execute(same)}
    key = TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index
    missing = [_key(row) for row in rows if row.tie_id not in known]
    found = session.execute(select(*key, TaskInstance.state).where(tuple_(*key).in_(missing)))
    renewed = {tuple(row[:-1]): row.state for row in found}
    return [
        _reason(row, known[row.tie_id]) if row.tie_id in known else _reason_of_renewed(renewed, _key(row))
        for row in rows
    ]


def _reason_of_renewed(renewed: dict[tuple[Any, ...], Any], key: tuple[Any, ...]) -> str:
    """Return what was done to a task instance that is there under its key, with another id, or not at all."""
    if key not in renewed:
        return DELETED
    state = renewed[key]
    return _WHY[state] if state in {TaskInstanceState.RESTARTING, TaskInstanceState.UP_FOR_RETRY} else ANOTHER_TRY


def _reason(job: Any, task: Any) -> str:
    if task.try_number != job.try_number:
        return ANOTHER_TRY
    return _WHY.get(task.state, f"Its task is {task.state} by now.")


def _key(job: Any) -> tuple[Any, ...]:
    return job.dag_id, job.run_id, job.task_id, job.map_index
