"""One request, one transaction, one thread hop; committed before the answer is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fastapi.concurrency import run_in_threadpool

from airflow_plugin import transactions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")


async def transact(work: Callable[[Session], T]) -> T:
    """Run ``work`` in a thread, as :func:`airflow_plugin.transactions.run` does."""
    return await run_in_threadpool(transactions.run, work)
