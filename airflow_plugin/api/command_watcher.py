"""One watcher per API process for all commands that somebody waits for: one statement, whatever the number of waiters.

It asks only while somebody waits, on a connection of its own; a watch that is held has no database session.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from airflow_plugin.api.own_connection import OwnConnection
from airflow_plugin.queue import command_watch

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from edge_agent.protocol.commands import Seen

log = logging.getLogger(__name__)

ASK_SECONDS = 0.2
"""Between two questions; a site that asks for queued jobs less often is asked for commands less often, too."""

RETRY_SECONDS = 1.0
"""Pause after a failed question: the database is away, and asking faster does not bring it back."""

LOG_SECONDS = 0.3
"""A watch is not answered before that for nothing but a longer log: lines come in bursts."""

TOGETHER = 5000
"""Commands of one statement: databases have a limit."""


@dataclass(eq=False)
class CommandWaiter:
    """One held watch, and what it knows."""

    commands: dict[UUID, Seen]
    log_limit: int
    log_counts_at: float
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def judge(self, rows: dict[UUID, Any], now: float) -> None:
        """Wake it when one of its commands is not as it knows it."""
        if not self.woken.is_set() and any(
            self._is_news(seen, rows.get(id_), now) for id_, seen in self.commands.items()
        ):
            self.woken.set()

    def _is_news(self, seen: Seen, row: Any, now: float) -> bool:
        if row is None or command_watch.is_elsewhere(seen, row):
            return True
        return now >= self.log_counts_at and command_watch.has_said_more(seen, row, self.log_limit)


class CommandWatcher:
    """Holds the watches of this process and asks the database on their behalf."""

    def __init__(self, watch_seconds: float, log_limit: int) -> None:
        self._ask_seconds = max(watch_seconds, ASK_SECONDS)
        self._log_limit = log_limit
        self._waiters: set[CommandWaiter] = set()
        self._somebody_waits = asyncio.Event()
        self._line = OwnConnection("edge-agent-command-watcher")
        self.closing = False

    @property
    def held(self) -> int:
        """How many watches are held now."""
        return len(self._waiters)

    @contextmanager
    def waiting(self, commands: Sequence[Seen]) -> Iterator[CommandWaiter]:
        """Hold a watch."""
        known = {seen.id: seen for seen in commands}
        waiter = CommandWaiter(known, self._log_limit, time.monotonic() + LOG_SECONDS)
        self._waiters.add(waiter)
        self._somebody_waits.set()
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            if not self._waiters:
                self._somebody_waits.clear()

    def close(self) -> None:
        """End every held watch, and hold no new one: the server stops."""
        self.closing = True
        for waiter in self._waiters:
            waiter.woken.set()

    async def run(self) -> None:
        """Ask for as long as somebody waits. Ends only by cancellation."""
        try:
            while True:
                await self._somebody_waits.wait()
                # Who comes while the question is under way is not judged by its answer: it may be older than he.
                asked = list(self._waiters)
                ids = sorted({id_ for waiter in asked for id_ in waiter.commands})
                try:
                    rows = await self._line.ask(partial(_ask, ids))
                except SQLAlchemyError as error:
                    log.warning("The watcher could not ask for commands; watches wait: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                now = time.monotonic()
                for waiter in asked:
                    waiter.judge(rows, now)
                await asyncio.sleep(self._ask_seconds)
        finally:
            self._line.close()


def _ask(ids: Sequence[UUID], connection: Connection) -> dict[UUID, Any]:
    rows: dict[UUID, Any] = {}
    for begin in range(0, len(ids), TOGETHER):
        found = connection.execute(command_watch.question(), {"ids": ids[begin : begin + TOGETHER]})
        rows |= {row.id: row for row in found}
    return rows
