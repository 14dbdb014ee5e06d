"""Which logs are to be taken to the remote log store, by whom, and when they are done.

What if it dies here? A replica that takes a job's log has it for a while; when it dies, or fails, the next
one tries after that. Nothing is deleted before the store has given the log back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, exists, or_, select, text, update
from sqlalchemy.orm import aliased

from airflow_plugin import clock
from airflow_plugin.models import LOG_IS_DUE, JobRow, LogRow
from edge_agent.protocol import EndReason, JobKind, LogKept

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LATE_SECONDS = 60.0
"""A lost agent that comes back delivers the end of its log; it is given so long."""

LOST = (EndReason.AGENT_LOST, EndReason.AGENT_RESTART, EndReason.DELETED)


@dataclass(frozen=True)
class Claim:
    """One job's log in the hands of this replica, and the job's payload. ``kept``: the log is elsewhere."""

    job_id: UUID
    payload: dict[str, Any]
    kept: LogKept | None


def claim(session: Session, *, lease_seconds: float) -> Claim | None:
    """Take the log that has waited longest; nobody else gets it before the lease is over.

    Of several jobs of one try the first comes first, and the next only when that is done: the store appends.
    """
    due = _due().limit(1).with_for_update(skip_locked=True).scalar_subquery()
    taken = session.execute(
        update(JobRow)
        .where(JobRow.id == due)
        .values(log_upload_after=clock.in_seconds(lease_seconds))
        .returning(JobRow.id, JobRow.payload, JobRow.log_kept)
        .execution_options(synchronize_session=False)
    ).first()
    return None if taken is None else Claim(taken.id, json.loads(taken.payload), taken.log_kept)


def chunks(session: Session, job_id: UUID) -> Iterator[Any]:
    """Return what is stored of a job's log, in order: rows ``(start_offset, data)``."""
    found = (
        select(LogRow.start_offset, LogRow.data)
        .where(LogRow.assignment_id == _present(job_id))
        .order_by(LogRow.start_offset)
        .execution_options(yield_per=16)
    )
    yield from session.execute(found)


def _present(job_id: UUID) -> Any:
    return select(JobRow.assignment_id).where(JobRow.id == job_id).scalar_subquery()


def _due() -> Any:
    before = aliased(JobRow)
    same_try = (
        (before.dag_id == JobRow.dag_id)
        & (before.run_id == JobRow.run_id)
        & (before.task_id == JobRow.task_id)
        & (before.map_index == JobRow.map_index)
        & (before.try_number == JobRow.try_number)
        & (before.log_uploaded_at.is_(None))
        # A command that the try has submitted has its own log, which is never uploaded.
        & (before.kind == JobKind.TASK)
        & or_(
            before.queued_at < JobRow.queued_at,
            (before.queued_at == JobRow.queued_at) & (before.id < JobRow.id),
        )
    )
    complete = or_(JobRow.reason.not_in(LOST), JobRow.ended_at < clock.in_seconds(-LATE_SECONDS))
    free = or_(JobRow.log_upload_after.is_(None), JobRow.log_upload_after < clock.now())
    return (
        select(JobRow.id)
        .where(text(LOG_IS_DUE), complete, free, ~select(before.id).where(same_try).exists())
        .order_by(JobRow.ended_at)
    )


def put_off(session: Session, job_id: UUID, seconds: float) -> None:
    """Have the next attempt at a log made after that time."""
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(log_upload_after=clock.in_seconds(seconds))
        .execution_options(synchronize_session=False)
    )


def nothing(session: Session, job_id: UUID) -> None:
    """Ask no more for a log that is not here. What its agent said about it stays."""
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(log_uploaded_at=clock.now(), log_upload_after=None)
        .execution_options(synchronize_session=False)
    )


def done(session: Session, job_id: UUID, upto: int) -> None:
    """Delete the chunks up to the one that starts at ``upto``: they were uploaded.

    Chunks that came meanwhile stay, and are uploaded in their turn.
    """
    session.execute(
        delete(LogRow)
        .where(LogRow.assignment_id == _present(job_id), LogRow.start_offset <= upto)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, ~exists().where(LogRow.assignment_id == _present(job_id)))
        .values(log_uploaded_at=clock.now(), log_upload_after=None)
        .execution_options(synchronize_session=False)
    )
