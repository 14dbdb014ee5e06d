"""Jobs as people look at them, and why a queued one waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import offers
from airflow_plugin.queue.agent_views import used
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class JobView(BaseModel):
    """A job as an admin sees it.

    ``waiting``: why a queued one was not taken yet, or until when a running one waits for its lost agent.
    """

    id: UUID
    kind: JobKind
    state: JobState
    reason: EndReason | None
    message: str | None
    label: str
    queue: str
    requires: dict[str, Any]
    slots: int
    runner: str
    agent_name: str | None
    waiting: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    queued_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    signal: int | None
    log_bytes: int


def jobs(
    session: Session,
    *,
    state: JobState | None = None,
    queue: str | None = None,
    agent: str | None = None,
    limit: int = 100,
) -> list[JobView]:
    """Return jobs, newest first."""
    found = select(JobRow).order_by(JobRow.queued_at.desc(), JobRow.id).limit(limit)
    for column, wanted in ((JobRow.state, state), (JobRow.queue, queue), (JobRow.agent_name, agent)):
        if wanted is not None:
            found = found.where(column == wanted)
    rows = list(session.scalars(found))
    everybody: list[AgentRow] = []
    free: dict[str, int] = {}
    if any(row.state == JobState.QUEUED or row.lost_wait_seconds is not None for row in rows):
        everybody = list(session.scalars(select(AgentRow).order_by(AgentRow.name)))
        in_use = used(session)
        free = {each.name: (each.slots_override or each.slots) - in_use.get(each.name, (0, 0))[0] for each in everybody}
    return [_job_view(row, everybody, free) for row in rows]


def _job_view(job: JobRow, everybody: list[AgentRow], free: dict[str, int]) -> JobView:
    waiting = None
    if job.state == JobState.QUEUED:
        placement = Placement(job.queue, job.team_name, job.requires)
        waiting = offers.why_waiting(placement, job.slots, everybody, free)
    elif job.state == JobState.RUNNING and job.lost_wait_seconds is not None:
        waiting = _until_when(job, job.lost_wait_seconds, everybody)
    same = {name: getattr(job, name) for name in JobView.model_fields if hasattr(job, name)}
    return JobView(**same, waiting=waiting)


def _until_when(job: JobRow, wait_seconds: float, everybody: list[AgentRow]) -> str | None:
    """Say until when a running job waits for its agent; None while that is there."""
    for agent in everybody:
        if agent.name == job.agent_name and agent.state == AgentState.LOST:
            until = agent.last_seen_at + timedelta(seconds=wait_seconds)
            return f"its agent is lost; it fails at {until:%Y-%m-%d %H:%M:%S} UTC unless that comes back with it"
    return None
