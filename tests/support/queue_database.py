"""The queue's own tables in a database of one's own, with sessions set up as Airflow sets up its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from airflow_plugin.compat import UtcDateTime
from airflow_plugin.models import JOBS, Base

Statement = tuple[str, Any]
"""What went over the wire: SQL as the driver got it, and its parameters."""


class QueueDatabase:
    """An engine, the queue's tables, and short transactions.

    Airflow has one engine for a whole process; this is one more, so that a test may use several.
    """

    def __init__(self, url: str) -> None:
        waits = {"timeout": 30} if url.startswith("sqlite") else {}
        self.engine: Engine = create_engine(url, pool_size=40, pool_pre_ping=True, connect_args=waits)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_pragmas)
        self._sessions = sessionmaker(self.engine, autoflush=False, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite, and not Postgres."""
        return self.engine.dialect.name == "sqlite"

    def create_tables(self) -> None:
        """Make the tables as the models say. Whether the migrations make the same has its own test."""
        Base.metadata.create_all(self.engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session; commit in the end, roll back when something is raised."""
        with self._sessions.begin() as session:
            yield session

    def clear(self) -> None:
        """Delete every row of the queue."""
        with self.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())

    def pass_time(self, seconds: float) -> None:
        """Make everything the tables remember that much older, as if the time had passed."""
        with self.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                _age(connection, table, seconds)
            connection.execute(JOBS.update().values(rank=JOBS.c.rank - seconds))

    @contextmanager
    def recorded(self) -> Iterator[list[Statement]]:
        """Record the statements that the calling thread sends meanwhile, without BEGIN and COMMIT."""
        seen: list[Statement] = []
        thread = threading.get_ident()

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if threading.get_ident() == thread:
                seen.append((statement, parameters))

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.engine, "before_cursor_execute", note)

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _age(connection: Connection, table: Table, seconds: float) -> None:
    older = (
        "strftime('%Y-%m-%d %H:%M:%f000', {0}, '{1} seconds')"
        if connection.dialect.name == "sqlite"
        else "{0} + make_interval(secs => {1})"
    )
    times = [column.name for column in table.columns if isinstance(column.type, UtcDateTime)]
    moved = ", ".join(f"{name} = {older.format(name, -seconds)}" for name in times)
    connection.execute(text(f"UPDATE {table.name} SET {moved}"))  # noqa: S608  names come from the models


def _set_pragmas(connection: Any, _record: Any) -> None:
    # The first two are Airflow's. The last only says that this database need not survive a power cut.
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")
