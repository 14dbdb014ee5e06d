"""Comparing unsettled jobs with what Airflow makes of them, a bounded slice at a time.

The statement joins on Airflow's own table and returns only what differs: ten thousand jobs that run as
they should cost one index walk and no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import or_, select

from airflow_plugin.models import JobRow
from airflow_plugin.queue.jobs import HEARD
from airflow_plugin.queue.standing import TASK
from edge_agent.protocol import JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Slice:
    """Jobs that may not be as they should, and where the next slice begins (None: at the start again)."""

    suspects: Sequence[Any]
    after: UUID | None


def suspects(session: Session, owner: str, after: UUID | None, size: int) -> Slice:
    """Look at the next ``size`` unsettled jobs of an owner and return those that differ.

    A suspect has ended and Airflow may not know; or it waits or runs, and its task instance is not there
    or in another state than that. Those of other workloads are few, and are all returned.
    """
    mine = (JobRow.owner == owner) & ~JobRow.settled
    if after is not None:
        mine &= JobRow.id > after
    last = session.scalar(select(JobRow.id).where(mine).order_by(JobRow.id).offset(size - 1).limit(1))
    if last is not None:
        mine &= JobRow.id <= last
    found = (
        select(*HEARD)
        .outerjoin(TaskInstance, TaskInstance.id == JobRow.workload_id)
        .where(mine, ~JobRow.notify, JobRow.cancel_requested_at.is_(None) | JobRow.ended_at.is_not(None))
        .where(or_(JobRow.ended_at.is_not(None), JobRow.workload_type != TASK, _differs()))
        .order_by(JobRow.id)
    )
    return Slice(session.execute(found).all(), last)


def _differs() -> ColumnElement[bool]:
    queued = TaskInstance.state.is_not_distinct_from(TaskInstanceState.QUEUED)
    running = TaskInstance.state.is_not_distinct_from(TaskInstanceState.RUNNING)
    return or_(~queued & ~running, ~queued & (JobRow.state != JobState.RUNNING))
