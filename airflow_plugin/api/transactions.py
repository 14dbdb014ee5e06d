"""One request, one transaction, one thread hop; committed before the answer is sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import DBAPIError

from airflow_plugin.compat import create_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 3
GAVE_WAY = frozenset({"40001", "40P01"})
"""What Postgres says when it rolled a transaction back so that another one could go on: serialization
failure and deadlock (PostgreSQL documentation, appendix A). Nothing is wrong with the request itself."""


async def transact(work: Callable[[Session], T]) -> T:
    """Run ``work`` with a session of its own in a thread; commit when it returns, roll back when it raises.

    What it returns must not need the session any more. It is run again when the database rolled it back in
    favour of another transaction, as a scheduler's, which takes jobs in an order of its own.
    """
    return await run_in_threadpool(_run, work)


def _run(work: Callable[[Session], T]) -> T:
    for attempt in range(1, ATTEMPTS):
        try:
            return _once(work)
        except DBAPIError as error:
            if _sqlstate(error) not in GAVE_WAY:
                raise
            log.warning("The database let another transaction go first; trying again (attempt %d failed)", attempt)
    return _once(work)


def _once(work: Callable[[Session], T]) -> T:
    with create_session(scoped=False) as session:
        return work(session)


def _sqlstate(error: DBAPIError) -> str | None:
    # psycopg2 and psycopg 3 name it differently; SQLite has none.
    code: str | None = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    return code
