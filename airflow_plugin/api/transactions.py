"""One request, one transaction, one thread hop; committed before the answer is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fastapi.concurrency import run_in_threadpool

from airflow_plugin.compat import create_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")


async def transact(work: Callable[[Session], T]) -> T:
    """Run ``work`` with a session of its own in a thread; commit when it returns, roll back when it raises.

    What it returns must not need the session any more.
    """
    return await run_in_threadpool(_run, work)


def _run(work: Callable[[Session], T]) -> T:
    with create_session(scoped=False) as session:
        return work(session)
