"""What happened to jobs, counted and traced where it happens, once it is committed.

A process counts what it did itself: two API servers never count one end twice, since only one statement ends a job.
Where nobody wants metrics or traces, nothing more is read of a job than without this.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from airflow_plugin import meters, traces
from airflow_plugin.after_commit import after_commit
from airflow_plugin.models import JobRow
from edge_agent.protocol import metrics

if TYPE_CHECKING:
    from sqlalchemy import Row, Update
    from sqlalchemy.orm import Session

_MEASURED = (JobRow.queue, JobRow.kind, JobRow.queued_at, JobRow.offered_at, JobRow.confirmed_at)
_ENDED = (*_MEASURED, JobRow.state, JobRow.reason, JobRow.ended_at)
_TRACED = (
    JobRow.agent_name,
    JobRow.payload,
    JobRow.dag_id,
    JobRow.task_id,
    JobRow.run_id,
    JobRow.try_number,
)


def end(session: Session, ending: Update, *columns: Any) -> list[Row[Any]]:
    """Carry out a statement that ends jobs; return their rows, of which the first columns are ``id`` and these."""
    rows = list(session.execute(ending.returning(JobRow.id, *columns, *end_columns())))
    if rows and end_columns():
        after_commit(session, partial(_count_ends, rows))
    return rows


def offered(session: Session, queues: Sequence[str]) -> None:
    """Note that jobs of these queues were offered, one each."""
    if meters.are_on() and queues:
        after_commit(session, partial(_count_offers, queues))


def confirm_columns() -> tuple[Any, ...]:
    """Return what is to be read of a job that starts."""
    return _MEASURED if meters.are_on() else ()


def confirmed(session: Session, rows: Sequence[Row[Any]]) -> None:
    """Note that jobs start, of which :func:`confirm_columns` were read."""
    if meters.are_on() and rows:
        after_commit(session, partial(_count_starts, rows))


@cache
def end_columns() -> tuple[Any, ...]:
    """Return what is to be read of a job that ends."""
    if traces.are_on():
        return (*_ENDED, *_TRACED)
    return _ENDED if meters.are_on() else ()


def _count_ends(rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        queue = meters.queue_label(row.queue)
        meters.count(metrics.ENDED, queue, row.kind, row.state, row.reason)
        if row.confirmed_at is not None:
            meters.took(metrics.JOB_RUN, _seconds(row.confirmed_at, row.ended_at), queue, row.kind, row.state)
        if traces.are_on():
            traces.note(row)


def _count_offers(queues: Sequence[str]) -> None:
    for queue in queues:
        meters.count(metrics.OFFERED, meters.queue_label(queue))


def _count_starts(rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        about = meters.queue_label(row.queue), row.kind
        meters.took(metrics.JOB_WAIT, _seconds(row.queued_at, row.confirmed_at), *about)
        meters.took(metrics.JOB_CONFIRM, _seconds(row.offered_at, row.confirmed_at), *about)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
