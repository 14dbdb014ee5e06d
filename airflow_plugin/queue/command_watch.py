"""What watchers of commands are told: those whose state or log is not as they know it.

What if it dies here? How far a log was read is noted with the next watch; nobody loses a line, at worst somebody
who goes on in another's place reads a few twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, case, select, update

from airflow_plugin.models import JobRow
from airflow_plugin.queue import command_views
from airflow_plugin.queue.steps import lock
from edge_agent.protocol.commands import News, Seen

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session


@cache
def question() -> Select[Any]:
    """Return the statement that asks how ``ids`` stand: rows ``(id, state, log_bytes, log_full)``.

    Built once, for it is asked several times a second.
    """
    columns: tuple[Any, ...] = (JobRow.id, JobRow.state, JobRow.log_bytes, JobRow.log_full)
    return select(*columns).where(JobRow.id.in_(bindparam("ids", expanding=True)))


def is_elsewhere(seen: Seen, row: Any) -> bool:
    """Whether a command is in another state than a watcher knows."""
    return bool(row.state != seen.state)


def has_said_more(seen: Seen, row: Any, log_limit: int) -> bool:
    """Whether a watcher that cares for the log does not know all of it. Behind ``log_limit`` nothing is stored."""
    if seen.log_bytes is None:
        return False
    if not row.log_full:
        return bool(row.log_bytes != seen.log_bytes)
    return bool(seen.log_bytes <= log_limit < row.log_bytes)


def look(session: Session, token_id: UUID, commands: Sequence[Seen], log_limit: int) -> News:
    """Return what is news of these commands of a token."""
    rows = _rows(session, token_id, commands)
    return _news(rows, commands, log_limit)


def begin(session: Session, token_id: UUID, commands: Sequence[Seen], log_limit: int) -> tuple[News, News]:
    """Note how far their logs were read; return what is news, and what of it is more than a longer log."""
    rows = _rows(session, token_id, commands)
    if _note_read(session, rows, commands):
        rows = _rows(session, token_id, commands)
    return _news(rows, commands, log_limit), _news(rows, [_without_log(each) for each in commands], log_limit)


def _without_log(seen: Seen) -> Seen:
    return seen.model_copy(update={"log_bytes": None})


def _rows(session: Session, token_id: UUID, commands: Sequence[Seen]) -> dict[UUID, Any]:
    ids = [seen.id for seen in commands]
    return {row.id: row for row in session.execute(command_views.rows(token_id).where(JobRow.id.in_(ids)))}


def _news(rows: dict[UUID, Any], commands: Sequence[Seen], log_limit: int) -> News:
    told = {
        seen.id: command_views.view(row)
        for seen in commands
        if (row := rows.get(seen.id)) is not None and (is_elsewhere(seen, row) or has_said_more(seen, row, log_limit))
    }
    unknown = dict.fromkeys(seen.id for seen in commands if seen.id not in rows)
    return News(commands=tuple(told.values()), unknown=tuple(unknown))


def _note_read(session: Session, rows: dict[UUID, Any], commands: Sequence[Seen]) -> bool:
    """Note up to where logs were read, and return whether anything was written; mostly nothing is.

    It only grows, and not beyond what has been said.
    """
    read: dict[UUID, int] = {}
    for seen in commands:
        row = rows.get(seen.id)
        if row is not None and seen.read_offset is not None and row.read_offset < seen.read_offset <= row.log_bytes:
            read[seen.id] = max(seen.read_offset, read.get(seen.id, 0))
    if not read:
        return False
    lock(session, JobRow.id.in_(read))
    offset = case(read, value=JobRow.id, else_=0)
    noted = update(JobRow).where(JobRow.id.in_(read), JobRow.read_offset < offset, offset <= JobRow.log_bytes)
    session.execute(noted.values(read_offset=offset).execution_options(synchronize_session=False))
    return True
