"""Whose a job is: the scheduler that must hear of its end, and what happens when that one is gone.

An unsettled job without an owner is superseded: Airflow queued its workload anew, so that nobody may hear
of its end any more. Which job of a workload is the current one is decided by this and by no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import case, func, select, update

from airflow_plugin.models import JobRow
from airflow_plugin.queue import tally
from airflow_plugin.queue.jobs import HEARD
from airflow_plugin.queue.steps import lock, step
from edge_agent.protocol import EndReason, JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def supersede(session: Session, workload_id: UUID) -> None:
    """Take the jobs of a workload from their owner, because it is about to be queued anew.

    Those nobody started are cancelled. One that still runs may be a task that has just deferred and whose
    process is about to end; it is left to the reconciliation.
    """
    current = (JobRow.workload_id == workload_id) & ~JobRow.settled & JobRow.owner.is_not(None)
    if not (ids := lock(session, current)):
        return
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(ids))
        .values(owner=None, notify=False)
        .execution_options(synchronize_session=False)
    )
    unwanted = step("cancel", JobState.CANCELLED, reason=EndReason.CANCELLED, message="Airflow queued it anew.")
    tally.end(session, unwanted.where(JobRow.id.in_(ids)))


def superseded(session: Session, limit: int) -> list[UUID]:
    """Return superseded jobs that still run, and settle those that ended: nobody waits for them."""
    nobodys = JobRow.owner.is_(None) & ~JobRow.settled
    # Every scheduler does this: what another one is at is left to it.
    some = select(JobRow.id, JobRow.ended_at).where(nobodys).order_by(JobRow.id).limit(limit)
    open_or_not = session.execute(some.with_for_update(skip_locked=True)).all()
    if ended := [row.id for row in open_or_not if row.ended_at is not None]:
        session.execute(
            update(JobRow).where(JobRow.id.in_(ended)).values(settled=True).execution_options(synchronize_session=False)
        )
    return [row.id for row in open_or_not if row.ended_at is None]


def take_over(session: Session, ids: Collection[UUID], *, since: str, to: str) -> None:
    """Give jobs of one owner to another, which is told of those that have ended.

    Guarded by the owner before, so that of two who want the same jobs one gets each.
    """
    if ids:
        lock(session, JobRow.id.in_(ids))
        session.execute(
            update(JobRow)
            .where(JobRow.id.in_(ids), JobRow.owner == since)
            .values(owner=to, notify=case((JobRow.ended_at.is_not(None), True), else_=JobRow.notify))
            .execution_options(synchronize_session=False)
        )


def disown(session: Session, owner: str, which: ColumnElement[bool] | None = None) -> None:
    """Make the unsettled jobs of an owner that is no more nobody's."""
    mine = (JobRow.owner == owner) & ~JobRow.settled
    lock(session, mine if which is None else mine & which)
    session.execute(
        update(JobRow)
        .where(mine, *([] if which is None else [which]))
        .values(owner=None, notify=False)
        .execution_options(synchronize_session=False)
    )


def unsettled_of(session: Session, which: ColumnElement[bool], limit: int | None = None) -> Sequence[Any]:
    """Return owned, unsettled jobs that meet a condition, with what :func:`airflow_plugin.queue.jobs.hear` gives."""
    owned = JobRow.owner.is_not(None) & ~JobRow.settled
    return session.execute(select(*HEARD).where(owned, which).order_by(JobRow.id).limit(limit)).all()


def owners(session: Session) -> list[str]:
    """Return everybody who owns a job that is not settled. One step through the index for each of them."""
    found: list[str] = []
    after = ""
    while owner := session.scalar(select(func.min(JobRow.owner)).where(~JobRow.settled, JobRow.owner > after)):
        found.append(owner)
        after = owner
    return found


def present(session: Session, owner: str, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these jobs exist and are still unsettled jobs of that owner."""
    mine = JobRow.id.in_(ids) & (JobRow.owner == owner) & ~JobRow.settled
    return set(session.scalars(select(JobRow.id).where(mine)))
