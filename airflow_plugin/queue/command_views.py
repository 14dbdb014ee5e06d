"""Commands as whoever submitted them sees them. Found only with the token that submitted them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow
from airflow_plugin.queue import job_views
from airflow_plugin.queue.waiting import Waiting
from edge_agent.protocol import JobState
from edge_agent.protocol.commands import CommandView
from edge_agent.protocol.streams import Streams

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

NO_SUCH = (
    "There is no such command of this token. Those that ended are kept for a while ([edge_agent] job_retention_days)."
)

_SAME = ["id", "label", "state", "reason", "message", "exit_code", "signal", "queue", "agent_name", "hostname"]
_SAME += ["log_bytes", "read_offset", "queued_at", "confirmed_at", "ended_at"]
_COLUMNS = [getattr(JobRow, column) for column in _SAME]
# The payload is neither shown nor deciphered.
_COLUMNS += [JobRow.command_name, JobRow.streams, JobRow.log_full, JobRow.cancel_requested_at, JobRow.ran_seconds]
_OF_WAITING = [JobRow.requires, JobRow.slots, JobRow.team_name, JobRow.lost_wait_seconds]


def rows(token_id: UUID) -> Select[Any]:
    """Return the statement that reads what views of a token's commands are made of, without saying of which."""
    return select(*_COLUMNS).where(JobRow.submit_token_id == token_id)


def one(session: Session, token_id: UUID, job_id: UUID) -> CommandView:
    """Return a command, without saying why it waits.

    :raises NotFound: when this token has submitted no such command.
    """
    row = session.execute(rows(token_id).where(JobRow.id == job_id)).first()
    if row is None:
        raise NotFound(NO_SUCH)
    return view(row)


def detail(session: Session, config: QueueConfig, token_id: UUID, job_id: UUID) -> CommandView:
    """Return a command, with why it waits.

    :raises NotFound: as :func:`one`.
    """
    row = session.execute(rows(token_id).add_columns(*_OF_WAITING).where(JobRow.id == job_id)).first()
    if row is None:
        raise NotFound(NO_SUCH)
    waiting = None
    if row.state == JobState.QUEUED or row.lost_wait_seconds is not None:
        waiting = job_views.why(row, Waiting.of(session, config, job_views.time_of(session)))
    return view(row, waiting)


def view(row: Any, waiting: str | None = None) -> CommandView:
    """Return a row of :func:`rows` as its submitter sees it."""
    return CommandView(
        **{column: getattr(row, column) for column in _SAME},
        name=row.command_name or "1",
        streams=row.streams or Streams.TOGETHER,
        log_is_cut=row.log_full,
        is_wanted=row.cancel_requested_at is None and row.state != JobState.CANCELLED,
        waiting=waiting,
        ran_seconds=_ran_seconds(row),
    )


def _ran_seconds(row: Any) -> float | None:
    """Return for how long it ran: as its agent measured it, else by the times of its steps, once it has ended."""
    if row.ran_seconds is not None or row.confirmed_at is None or row.ended_at is None:
        measured: float | None = row.ran_seconds
        return measured
    return max(0.0, float((row.ended_at - row.confirmed_at).total_seconds()))
