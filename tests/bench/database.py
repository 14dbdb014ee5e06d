"""Looking into the metadata database, filling it by copying real rows, and counting what is asked of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import psycopg2.extras

from tests.support.postgres import Postgres

_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "SHOW")
_WRITE = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b(?!\s+SKIP)")
_LOCKING = re.compile(r"\bFOR (NO KEY )?UPDATE\b")


class Database:
    """One database, seen from outside of Airflow."""

    def __init__(self, postgres: Postgres, name: str) -> None:
        self.postgres = postgres
        self.name = name
        self._connection = psycopg2.connect(
            host="127.0.0.1", port=postgres.port, user="postgres", dbname=name, application_name="bench"
        )
        self._connection.autocommit = True

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries."""
        with self._connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement, parameters)
            return [dict(row) for row in cursor.fetchall()]

    def value(self, statement: str, *parameters: Any) -> Any:
        """Return the first column of the first row of a query, or None."""
        rows = self.rows(statement, *parameters)
        return next(iter(rows[0].values())) if rows else None

    def run(self, statement: str, *parameters: Any) -> int:
        """Run a statement that returns nothing; return how many rows it touched."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.rowcount

    def keep(self, table: str, where: str) -> str:
        """Copy rows that Airflow made into a table of our own, as patterns; return its name."""
        pattern = f"bench_{table}"
        self.run(f"CREATE TABLE {pattern} AS SELECT * FROM {table} WHERE {where}")  # noqa: S608  our own words
        return pattern

    def multiply(self, table: str, count: int, changed: Mapping[str, str]) -> None:
        """Fill a table with ``count`` copies of its pattern.

        ``changed``: SQL for the columns that differ, in which ``copy`` is the number of the copy.
        """
        columns = [
            row["column_name"]
            for row in self.rows(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "AND is_generated = 'NEVER' ORDER BY ordinal_position",
                table,
            )
        ]
        values = ", ".join(changed.get(column, f'pattern."{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        self.run(
            f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608  our own words
            f"FROM bench_{table} AS pattern, generate_series(1, {count}) AS copy"
        )
        self.run(f"ANALYZE {table}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass
class Statements:
    """What a database was asked while it was listened to."""

    reads: int = 0
    writes: int = 0
    """Statements that change rows; a read that locks them is a read."""
    pings: int = 0
    """``SELECT 1``: Airflow's connection pool asks before each transaction whether the connection lives."""
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def all(self) -> int:
        """Reads and writes. Beginning and ending transactions is not counted, and pings are not."""
        return self.reads + self.writes


@contextmanager
def listening(postgres: Postgres) -> Iterator[dict[str, Statements]]:
    """Let the server log every statement, and fill in at the end what each database was asked.

    The benchmark's own statements are left out, by the name its connection has.
    """
    assert postgres.server is not None
    postgres.execute("ALTER SYSTEM SET log_statement = 'all'")
    postgres.execute("SELECT pg_reload_conf()")
    begin = postgres.server.log.stat().st_size
    heard: dict[str, Statements] = {}
    try:
        yield heard
    finally:
        end = postgres.server.log.stat().st_size
        postgres.execute("ALTER SYSTEM RESET log_statement")
        postgres.execute("SELECT pg_reload_conf()")
        with postgres.server.log.open("rb") as log:
            log.seek(begin)
            text = log.read(end - begin).decode(errors="replace")
        for database, statement in _statements(text):
            _count(heard.setdefault(database, Statements()), statement)


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Yield database and statement, continued lines joined. Lines begin with SETTINGS' log_line_prefix."""
    head = re.compile(
        r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] (?P<database>\S+) (?P<application>.*?) ?LOG: "
        r" (?:statement|execute [^:]*): (?P<statement>.*)$"
    )
    current: tuple[str, str] | None = None
    for line in text.splitlines():
        if line.startswith("\t") and current:
            current = current[0], f"{current[1]} {line.strip()}"
            continue
        if current:
            yield current
        found = head.match(line)
        current = (found["database"], found["statement"]) if found and found["application"] != "bench" else None
    if current:
        yield current


def _count(to: Statements, statement: str) -> None:
    words = " ".join(statement.split())
    if words.upper().startswith(_CONTROL):
        return
    if words == "SELECT 1":
        to.pings += 1
        return
    if _WRITE.search(_LOCKING.sub("", words)):
        to.writes += 1
    else:
        to.reads += 1
    to.kinds[words[:100]] += 1
