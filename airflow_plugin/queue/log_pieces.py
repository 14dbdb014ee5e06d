"""A job's log in pieces of text, for somebody who watches it grow. No character is cut in two, nor a line if it fits.

Offsets count the bytes as they came. What is no UTF-8 is shown as replacement characters; only a character that has
not come whole is waited for, as long as more may come.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow, LogRow
from edge_agent.protocol import TERMINAL
from edge_agent.protocol.streams import ESCAPE, Streams, Unweaver

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LEAST_BYTES = 4
"""Of a piece: the longest character fits in."""

COLUMNS = JobRow.assignment_id, JobRow.state, JobRow.log_bytes, JobRow.log_full, JobRow.log_uploaded_at, JobRow.log_kept
"""What :func:`stored_of` must know of a job."""

NO_SUCH = "There is no such job, or its log is not yours to read."
UPLOADED = "{} in the remote log store by now; Airflow shows it on the page of the task."
PURGED = "{} kept no longer: logs are deleted some time after the job's end ([edge_agent] log_retention_days)."


class LogPiece(BaseModel):
    """A part of a log. ``next_offset``: where to go on; ``is_over``: the job has ended and nothing more is there.

    ``log_bytes``: how much the job has written. ``where``: what became of what is not here.
    """

    text: str
    start_offset: int
    next_offset: int
    log_bytes: int
    is_over: bool
    where: str | None


@dataclass(frozen=True)
class Stored:
    """The part of a log that is in the table: from ``begin`` to ``end``, of bytes that may follow or not."""

    begin: int
    end: int
    may_grow: bool


def piece(session: Session, job_id: UUID, *, offset: int, limit: int) -> LogPiece:
    """Return at most ``limit`` bytes from ``offset`` on, or, when that is negative, so many of the last ones.

    :raises NotFound: when there is no such job.
    """
    job: Any = session.execute(select(*COLUMNS, JobRow.streams).where(JobRow.id == job_id)).first()
    if job is None:
        raise NotFound(NO_SUCH)
    stored = stored_of(session, job)
    begin = max(stored.begin, offset if offset >= 0 else stored.end + offset)
    begin = min(begin, stored.end)
    # A few bytes before it too: they tell whether it is within a character.
    before = min(LEAST_BYTES - 1, begin - stored.begin)
    data = bytes_of(session, job.assignment_id, begin - before, begin + limit)
    is_woven = job.streams == Streams.APART
    more = begin + limit < stored.end
    text, start, after = cut(data, before, to_line=offset < 0, more=more, may_grow=stored.may_grow, is_woven=is_woven)
    next_offset = begin - before + after
    return LogPiece(
        text=text,
        start_offset=begin - before + start,
        next_offset=next_offset,
        log_bytes=job.log_bytes,
        is_over=job.state in TERMINAL and next_offset >= stored.end,
        where=_where(job, stored),
    )


def cut(
    data: bytes, before: int, *, to_line: bool, more: bool, may_grow: bool, is_woven: bool = False
) -> tuple[str, int, int]:
    """Return the text of a piece, and where in ``data`` it begins and ends.

    ``before``: how many bytes of ``data`` come before the piece. ``to_line``: begin with a whole line, if there is
    one. ``more``: there are more bytes behind it; ``may_grow``: else there may be later. ``is_woven``: there are
    marks among them that tell its two streams apart, which nobody is to read.
    """
    start = before + _rest_of_character(data[:before], data[before:])
    if to_line and start and data[start - 1 : start] != b"\n":
        start = data.find(b"\n", start) + 1 or start
    end = len(data)
    if more:
        end = data.rfind(b"\n", start) + 1 or end
    goes_on = more or may_grow
    rest = _begun_character(data[start:end])
    end -= len(rest) if goes_on else 0
    content = data[start:end]
    if is_woven:
        if goes_on and _is_escape_begun(content):
            content, end = content[:-1], end - 1
        content = _plain(content, is_escaped=_is_escape_begun(data[:start]))
    return content.decode("utf-8", "replace"), start, end


def _plain(content: bytes, *, is_escaped: bool) -> bytes:
    unweaver = Unweaver()
    return unweaver.plain(ESCAPE + content if is_escaped else content)


def _is_escape_begun(content: bytes) -> bool:
    """Whether the last byte is a mark that says of the next one that it is none."""
    return (len(content) - len(content.rstrip(ESCAPE))) % 2 == 1


def _begun_character(data: bytes) -> bytes:
    """Return the bytes at the end that are a character which has not come whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return decoder.getstate()[0]


def _rest_of_character(before: bytes, after: bytes) -> int:
    """Return how many bytes of ``after`` belong to a character that has begun before."""
    if not (begun := _begun_character(before)):
        return 0
    for count in range(1, min(LEAST_BYTES, len(after) + 1)):
        try:
            (begun + after[:count]).decode()
        except UnicodeDecodeError:
            continue
        return count
    return 0


def stored_of(session: Session, job: Any) -> Stored:
    """Return what is there of a log. One that was cut ends with a line that says so, behind the last byte of it."""
    mine = LogRow.assignment_id == job.assignment_id
    last = select(LogRow.start_offset + func.length(LogRow.data)).where(mine).order_by(LogRow.start_offset.desc())
    row = session.execute(
        select(
            select(func.min(LogRow.start_offset)).where(mine).scalar_subquery().label("begin"),
            last.limit(1).scalar_subquery().label("end"),
        )
    ).one()
    may_grow = job.state not in TERMINAL and not job.log_full
    if row.end is None:
        return Stored(job.log_bytes, job.log_bytes, may_grow)
    return Stored(row.begin, row.end, may_grow)


def bytes_of(session: Session, assignment_id: UUID, begin: int, end: int) -> bytes:
    """Return the bytes from ``begin`` up to ``end``, of the chunks that they are in and no others."""
    mine = LogRow.assignment_id == assignment_id
    first = select(func.max(LogRow.start_offset)).where(mine, LogRow.start_offset <= begin).scalar_subquery()
    chunks = (
        select(LogRow.start_offset, LogRow.data)
        .where(mine, LogRow.start_offset >= func.coalesce(first, 0), LogRow.start_offset < end)
        .order_by(LogRow.start_offset)
    )
    found = session.execute(chunks).all()
    return b"".join(row.data[max(0, begin - row.start_offset) : max(0, end - row.start_offset)] for row in found)


def _where(job: Any, stored: Stored) -> str | None:
    """Say what became of the beginning of a log, or of all of it, None when it is all there."""
    if not stored.begin:
        return None
    all_of_it = stored.begin == stored.end
    if all_of_it and (job.log_uploaded_at is None or job.log_kept is not None):
        return PURGED.format("The log is")
    return UPLOADED.format("The log is" if all_of_it else "The beginning of the log is")
