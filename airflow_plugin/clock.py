"""One clock: every deadline is set and judged by the database's, never by a host's or a server's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from airflow_plugin.compat import UtcDateTime

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute
    from sqlalchemy.sql.compiler import SQLCompiler


class _DatabaseTime(FunctionElement[Any]):
    """The time of the statement, moved by a number of seconds."""

    type = UtcDateTime()
    inherit_cache = True


class _DatabaseEpoch(FunctionElement[float]):
    """The time of the statement as seconds since 1970."""

    type = Double()
    inherit_cache = True


class _DatabaseMinute(FunctionElement[Any]):
    """The minute in which the statement is."""

    type = UtcDateTime()
    inherit_cache = True


class _SecondsSince(FunctionElement[float]):
    """How long ago a column's time was, in seconds with their fraction."""

    type = Double()
    inherit_cache = True


def now() -> ColumnElement[Any]:
    """Return the time of the statement."""
    return in_seconds(0)


def in_seconds(seconds: float | ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time of the statement plus ``seconds``, which may be negative or an expression."""
    return _DatabaseTime(seconds if isinstance(seconds, ColumnElement) else literal(float(seconds), Double))


def epoch() -> ColumnElement[float]:
    """Return the time of the statement as seconds since 1970, with their fraction."""
    return _DatabaseEpoch()


def minute() -> ColumnElement[Any]:
    """Return the beginning of the minute in which the statement is."""
    return _DatabaseMinute()


def seconds_since(column: ColumnElement[Any] | InstrumentedAttribute[datetime]) -> ColumnElement[float]:
    """Return how many seconds ago a time was; negative for one to come."""
    return _SecondsSince(column)


@compiles(_DatabaseTime, "postgresql")
def _time_on_postgres(element: _DatabaseTime, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(_DatabaseTime, "sqlite")
def _time_on_sqlite(element: _DatabaseTime, compiler: SQLCompiler, **kw: Any) -> str:
    # SQLite compares times as text: %f has three digits where the driver writes six.
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


@compiles(_DatabaseEpoch, "postgresql")
def _epoch_on_postgres(_element: _DatabaseEpoch, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "extract(epoch FROM statement_timestamp())::double precision"


@compiles(_DatabaseEpoch, "sqlite")
def _epoch_on_sqlite(_element: _DatabaseEpoch, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_DatabaseMinute, "postgresql")
def _minute_on_postgres(_element: _DatabaseMinute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "date_trunc('minute', statement_timestamp())"


@compiles(_DatabaseMinute, "sqlite")
def _minute_on_sqlite(_element: _DatabaseMinute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:00.000000', 'now')"


@compiles(_SecondsSince, "postgresql")
def _seconds_on_postgres(element: _SecondsSince, compiler: SQLCompiler, **kw: Any) -> str:
    return f"extract(epoch FROM statement_timestamp() - {compiler.process(element.clauses, **kw)})::double precision"


@compiles(_SecondsSince, "sqlite")
def _seconds_on_sqlite(element: _SecondsSince, compiler: SQLCompiler, **kw: Any) -> str:
    return f"((julianday('now') - julianday({compiler.process(element.clauses, **kw)})) * 86400.0)"
