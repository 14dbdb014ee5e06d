"""One thread with one connection, for a question that is asked many times a second.

Each is one round trip then, not a checkout, a ping and a commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from airflow_plugin.compat import engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class OwnConnection:
    """Connects at the first question, and anew after one that failed."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: Connection | None = None

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Run ``question`` in the thread; outside of any transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)

    def close(self) -> None:
        """Hang up, after what is being asked. Nothing can be asked any more."""
        self._thread.submit(self._hang_up)
        self._thread.shutdown(wait=False)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = engine().connect().execution_options(isolation_level="AUTOCOMMIT")
            return question(self._connection)
        except SQLAlchemyError:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
