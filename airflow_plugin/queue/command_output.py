"""What a command has said: its log as it is stored, from an offset on, or the end of one of its streams.

Offsets count the bytes of the log as it is stored. A log whose streams are apart has the marks of
:mod:`edge_agent.protocol.streams` among them, which are of no stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow, LogRow
from airflow_plugin.queue import log_pieces
from airflow_plugin.queue.command_views import NO_SUCH
from edge_agent.protocol import TERMINAL
from edge_agent.protocol.streams import Stream, Streams, Unweaver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class LogBytes:
    """A part of a log. ``next_offset``: where to go on; ``is_over``: it has ended and nothing comes behind them."""

    content: bytes
    next_offset: int
    is_over: bool


@dataclass(frozen=True)
class Tail:
    """The end of a stream. ``total_bytes``: how many it has; ``is_whole``: nothing of it was lost or cut off."""

    content: bytes
    total_bytes: int
    is_whole: bool


def log_bytes(session: Session, token_id: UUID, job_id: UUID, *, offset: int, limit: int) -> LogBytes:
    """Return at most ``limit`` bytes of a log, from ``offset`` on or from where it begins, if that comes later.

    :raises NotFound: when this token has submitted no such command.
    """
    job = _job(session, token_id, job_id)
    stored = log_pieces.stored_of(session, job)
    begin = min(max(stored.begin, offset), stored.end)
    content = log_pieces.bytes_of(session, job.assignment_id, begin, begin + limit)
    next_offset = begin + len(content)
    return LogBytes(content, next_offset, job.state in TERMINAL and next_offset >= stored.end)


def tail(session: Session, token_id: UUID, job_id: UUID, *, stream: Stream, limit: int, log_limit: int) -> Tail:
    """Return the last ``limit`` bytes of one stream. Where the streams are together, all of it is standard output.

    ``log_limit``: where a log is cut; what stands there instead of the rest is no output.

    :raises NotFound: when this token has submitted no such command.
    """
    job = _job(session, token_id, job_id)
    stored = log_pieces.stored_of(session, job)
    end = min(stored.end, log_limit) if job.log_full else stored.end
    is_whole = not job.log_full and stored.begin == 0
    if job.streams != Streams.APART:
        if stream is Stream.STDERR:
            return Tail(b"", 0, is_whole)
        content = log_pieces.bytes_of(session, job.assignment_id, max(stored.begin, end - limit), end)
        return Tail(content, end, is_whole)
    last, total = bytearray(), 0
    for part in _of_stream(_chunks(session, job.assignment_id, end), stream):
        total += len(part)
        last += part
        if len(last) > 2 * limit:
            del last[:-limit]
    return Tail(bytes(last[-limit:]), total, is_whole)


def _of_stream(chunks: Iterator[bytes], stream: Stream) -> Iterator[bytes]:
    unweaver = Unweaver()
    for chunk in chunks:
        for of, part in unweaver.unweave(chunk):
            if of is stream:
                yield part


def _chunks(session: Session, assignment_id: UUID, end: int) -> Iterator[bytes]:
    """Return what is stored before an offset, a few chunks at a time."""
    found = (
        select(LogRow.start_offset, LogRow.data)
        .where(LogRow.assignment_id == assignment_id, LogRow.start_offset < end)
        .order_by(LogRow.start_offset)
        .execution_options(yield_per=16)
    )
    for chunk in session.execute(found):
        yield chunk.data[: end - chunk.start_offset]


def _job(session: Session, token_id: UUID, job_id: UUID) -> Any:
    columns = *log_pieces.COLUMNS, JobRow.streams
    mine = JobRow.id == job_id, JobRow.submit_token_id == token_id
    job = session.execute(select(*columns).where(*mine)).first()
    if job is None:
        raise NotFound(NO_SUCH)
    return job
