"""One transaction, made again when the database rolled it back so that another one could go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from airflow_plugin.compat import create_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 3
GAVE_WAY = frozenset({"40001", "40P01"})
"""What Postgres says then: serialization failure and deadlock (PostgreSQL documentation, appendix A).
Nothing is wrong with the statements themselves."""


def run(work: Callable[[Session], T]) -> T:
    """Run ``work`` with a session of its own; commit when it returns, roll back when it raises.

    What it returns must not need the session any more. It is run again when it gave way.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return _once(work)
        except DBAPIError as error:
            if not gave_way(error):
                raise
            log.warning("The database let another transaction go first; trying again (attempt %d failed)", attempt)
    return _once(work)


def gave_way(error: Exception) -> bool:
    """Whether the database rolled something back so that another transaction could go on."""
    # psycopg2 and psycopg 3 name it differently; SQLite has none.
    orig = error.orig if isinstance(error, DBAPIError) else None
    return (getattr(orig, "pgcode", None) or getattr(orig, "sqlstate", None)) in GAVE_WAY


def _once(work: Callable[[Session], T]) -> T:
    with create_session(scoped=False) as session:
        return work(session)
