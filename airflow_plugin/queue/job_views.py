"""Jobs as people look at them: one, or a page of a list; a queued one says why it waits.

What a job is about, its log and its label belong to whoever may read its Dag. Who that is decides the caller:
a list is narrowed by :attr:`Wanted.dags`, a view is blanked by :func:`hidden`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select

from airflow_plugin import clock
from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue.waiting import Waiting
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

BLANK: dict[str, Any] = {
    "label": "",
    "message": None,
    "cancel_reason": None,
    "dag_id": None,
    "run_id": None,
    "task_id": None,
    "map_index": None,
    "try_number": None,
    "command_name": None,
    "submitted_by": None,
    "task_url": None,
    "hidden": True,
}
"""What a view says instead to somebody who may not read the job's Dag."""


class JobView(BaseModel):
    """A job as an admin sees it.

    ``waiting``: why a queued one was not taken yet, or until when a running one waits for its lost agent.
    ``wait_seconds``: from queued to confirmed, or until now. ``ran_seconds``: from confirmed to its end, or until
    now. ``hostname``: of the agent when it was let start. ``command_name``: of a command, among those of its task;
    ``submitted_by``: name of the token it came with, while that is kept. ``task_url``: of its task instance, below
    the address of Airflow's pages. ``hidden``: its Dag is one that the user may not read, and what tells of it is
    left out.
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
    hostname: str | None
    waiting: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    command_name: str | None
    submitted_by: str | None
    task_url: str | None
    queued_at: datetime
    offered_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float
    ran_seconds: float | None
    exit_code: int | None
    signal: int | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    log_bytes: int
    hidden: bool


class JobDetail(BaseModel):
    """One job, and the time at which this was so."""

    job: JobView
    server_time: datetime


_COLUMNS = [getattr(JobRow, name) for name in JobView.model_fields if hasattr(JobRow, name)]
# The payload is neither shown nor deciphered.
_MORE = [JobRow.team_name, JobRow.lost_wait_seconds]
_SUBMITTED_BY = select(TokenRow.name).where(TokenRow.id == JobRow.submit_token_id).scalar_subquery()


def rows() -> Select[Any]:
    """Return the statement that reads what a view is made of, without saying of which jobs."""
    return select(*_COLUMNS, *_MORE, _SUBMITTED_BY.label("submitted_by"))


def detail(session: Session, config: QueueConfig, job_id: UUID) -> JobDetail:
    """Return one job.

    :raises NotFound: when there is none.
    """
    row = session.execute(rows().where(JobRow.id == job_id)).first()
    if row is None:
        msg = "There is no such job. Jobs that ended are kept for a while ([edge_agent] job_retention_days)."
        raise NotFound(msg)
    now = time_of(session)
    return JobDetail(job=views(session, config, [row], now)[0], server_time=now)


def time_of(session: Session) -> datetime:
    """Return the database's time."""
    now: datetime = session.execute(select(clock.now().label("now"))).one().now
    return now


def views(session: Session, config: QueueConfig, found: Sequence[Any], now: datetime) -> list[JobView]:
    """Return these rows as people look at them, at that time."""
    waiting = None
    if any(row.state == JobState.QUEUED or row.lost_wait_seconds is not None for row in found):
        waiting = Waiting.of(session, config, now)
    return [_view(row, waiting, now) for row in found]


def hidden(view: JobView) -> JobView:
    """Return what may be told of a job to somebody who may not read its Dag."""
    return view.model_copy(update=BLANK)


def _view(job: Any, waiting: Waiting | None, now: datetime) -> JobView:
    same = {column.key: getattr(job, column.key) for column in _COLUMNS}
    return JobView(
        **same
        | {
            "waiting": why(job, waiting),
            "submitted_by": job.submitted_by,
            "task_url": _task_url(job),
            "wait_seconds": _between(job.queued_at, job.confirmed_at or job.ended_at or now),
            "ran_seconds": _ran_seconds(job, now),
            "hidden": False,
        }
    )


def why(job: Any, waiting: Waiting | None) -> str | None:
    """Say why a job waits: for an agent, or for its own to come back; None when it does not."""
    if waiting is None:
        return None
    if job.state == JobState.QUEUED:
        return waiting.why(job)
    if job.state == JobState.RUNNING and job.lost_wait_seconds is not None:
        return _until_when(job, waiting)
    return None


def _until_when(job: Any, waiting: Waiting) -> str | None:
    """Say until when a running job waits for its agent; None while that is there."""
    agent = waiting.agents.get(job.agent_name)
    if agent is None or agent.state != AgentState.LOST:
        return None
    until = agent.last_seen_at + timedelta(seconds=job.lost_wait_seconds)
    return f"its agent is lost; it fails at {until:%Y-%m-%d %H:%M:%S} UTC unless that comes back with it"


def _task_url(job: Any) -> str | None:
    if job.dag_id is None or job.run_id is None or job.task_id is None:
        return None
    dag, run, task = (quote(part, safe=":+@") for part in (job.dag_id, job.run_id, job.task_id))
    mapped = f"/mapped/{job.map_index}" if job.map_index is not None and job.map_index >= 0 else ""
    return f"dags/{dag}/runs/{run}/tasks/{task}{mapped}"


def _ran_seconds(job: Any, now: datetime) -> float | None:
    """Return for how long it ran: as its agent measured it, else by the times of its steps."""
    if job.ran_seconds is not None or job.confirmed_at is None:
        measured: float | None = job.ran_seconds
        return measured
    return _between(job.confirmed_at, job.ended_at or now)


def _between(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())
