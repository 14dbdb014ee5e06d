"""A job's log: bytes by offset, bounded, readable from any replica because they are in the database.

What if it dies here? The offset moves and the bytes are stored in one transaction; an answer that was
lost is asked for again at the old offset, and told where the end is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, update

from airflow_plugin import clock
from airflow_plugin.errors import Gap, NotFound
from airflow_plugin.models import JobRow, LogRow
from edge_agent.protocol import JobKind, LogAck, LogKept

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


def append(
    session: Session,
    *,
    agent: str,
    assignment_id: UUID,
    offset: int,
    data: bytes,
    limit: int,
    kept: LogKept | None = None,
) -> LogAck:
    """Store bytes that start at ``offset``; bytes that are there already are not stored again.

    ``kept``: these are the agent's words about a log that is elsewhere.

    Up to ``limit`` bytes are kept; then comes one line that says so, and the rest is acknowledged and
    thrown away. Bytes are taken after the end of a job too, as long as it is the assignment's: the
    last ones of a job that was lost are the ones people want to read.

    :raises NotFound: when it is not an assignment of this agent.
    :raises Gap: when bytes before ``offset`` are missing.
    """
    mine = (JobRow.assignment_id == assignment_id) & (JobRow.agent_name == agent)
    row = session.execute(select(JobRow.id, JobRow.log_bytes, JobRow.log_full).where(mine).with_for_update()).first()
    if row is None:
        msg = "Not an assignment of yours."
        raise NotFound(msg)
    if offset > row.log_bytes:
        msg = f"These bytes start at {offset}, but the log ends at {row.log_bytes}."
        raise Gap(msg, row.log_bytes)
    fresh = data[row.log_bytes - offset :]
    if not fresh:
        return LogAck(next_offset=row.log_bytes, full=row.log_full)
    end = row.log_bytes + len(fresh)
    full = row.log_full or end > limit
    moved = session.execute(
        update(JobRow)
        .where(mine, JobRow.log_bytes == row.log_bytes)
        # What comes after an upload, from an agent that was lost and is back, is to be uploaded too.
        .values(log_bytes=end, log_full=full, log_uploaded_at=None, log_kept=kept)
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        # SQLite locks no rows, so that somebody may append in between. From the statement above on
        # this transaction is the only one that writes: a second look is the last.
        where: dict[str, Any] = {"agent": agent, "assignment_id": assignment_id, "offset": offset}
        return append(session, **where, data=data, limit=limit, kept=kept)
    if not row.log_full:
        stored = fresh[: max(0, limit - row.log_bytes)] + _mark(limit) if full else fresh
        session.execute(
            insert(LogRow).values(
                assignment_id=assignment_id,
                start_offset=row.log_bytes,
                job_id=row.id,
                written_at=clock.now(),
                data=stored,
            )
        )
    return LogAck(next_offset=end, full=full)


def _mark(limit: int) -> bytes:
    """Return the line that tells a reader where the log was cut, in the form of Airflow's log lines."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(),
        "level": "warning",
        "logger": "edge_agent",
        "event": f"The log was cut here: it is longer than [edge_agent] log_limit_bytes = {limit}.",
    }
    return b"\n" + json.dumps(line).encode() + b"\n"


def read(session: Session, job_id: UUID, offset: int = 0) -> Iterator[bytes]:
    """Return a job's log from an offset on, in the chunks it was stored in.

    Only what its present assignment wrote: one that was taken back wrote another log.
    """
    present = select(JobRow.assignment_id).where(JobRow.id == job_id).scalar_subquery()
    before = select(func.max(LogRow.start_offset)).where(LogRow.assignment_id == present, LogRow.start_offset <= offset)
    first = func.coalesce(before.scalar_subquery(), 0)
    chunks = (
        select(LogRow.start_offset, LogRow.data)
        .where(LogRow.assignment_id == present, LogRow.start_offset >= first)
        .order_by(LogRow.start_offset)
        .execution_options(yield_per=16)
    )
    for chunk in session.execute(chunks):
        if chunk.start_offset + len(chunk.data) > offset:
            yield chunk.data[max(0, offset - chunk.start_offset) :]


def jobs_of_try(session: Session, *, key: tuple[str, str, str, int, int]) -> list[Row[Any]]:
    """Return the jobs of one try, in the order they were queued: a deferred task has several.

    Not the commands that it has submitted: they are jobs of their own, with logs of their own.

    ``key``: dag id, run id, task id, map index, try number.
    """
    dag_id, run_id, task_id, map_index, try_number = key
    columns = JobRow.id, JobRow.agent_name, JobRow.state, JobRow.reason, JobRow.message
    times = JobRow.exit_code, JobRow.signal, JobRow.ended_at, JobRow.log_uploaded_at, JobRow.log_kept
    return list(
        session.execute(
            select(*columns, *times)
            .where(
                JobRow.kind == JobKind.TASK,
                JobRow.dag_id == dag_id,
                JobRow.run_id == run_id,
                JobRow.task_id == task_id,
                JobRow.map_index == map_index,
                JobRow.try_number == try_number,
            )
            .order_by(JobRow.queued_at, JobRow.id)
        )
    )


def with_chunks(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these jobs have anything of their log in the table."""
    return set(session.scalars(select(LogRow.job_id).where(LogRow.job_id.in_(ids)).distinct()))


def purge(session: Session, older_than_days: float, limit: int = 1000) -> int:
    """Delete the logs of jobs that ended that long ago; return how many chunks.

    At most ``limit`` jobs at a time. A running job keeps all of its log.
    """
    old = clock.in_seconds(-older_than_days * 86_400)
    due = select(JobRow.id).where(JobRow.ended_at < old, exists().where(LogRow.job_id == JobRow.id)).limit(limit)
    ids = list(session.scalars(due))
    gone = delete(LogRow).where(LogRow.job_id.in_(ids)).returning(LogRow.start_offset)
    return len(session.execute(gone.execution_options(synchronize_session=False)).all()) if ids else 0
