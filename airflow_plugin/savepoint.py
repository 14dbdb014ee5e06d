"""A savepoint inside somebody else's transaction: what fails in it leaves the rest of that transaction whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """Keep what is done inside when it succeeds, undo it when it raises; the caller commits or not, as ever."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        # Python's driver begins a transaction at the first change only. A savepoint before that would be
        # the transaction itself, and its release a commit.
        raw = connection.connection.dbapi_connection
        if raw is not None and not raw.in_transaction:
            connection.exec_driver_sql("BEGIN")
    session.flush()  # what is pending belongs to the caller, whatever becomes of the savepoint
    # On the connection, not the session: the scheduler forbids its session every commit but its own, and
    # takes the release of a session's savepoint for one.
    with connection.begin_nested():
        yield
