"""The board on which each loop of the agent says what it does, and from which one that is stuck can be told.

A loop that asks the server has until a session is there for as long as that takes: an outage of the server is
nothing that a restart of the agent could mend.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge_agent.status.report import LoopStatus

LONGEST_LOOK_SECONDS = 10.0
"""How much time counts at most between two looks at the clock. Some loop looks every 2 s, unless all of the
process stood still: stopped, or its machine paused. Then nobody is stuck who had no chance to move."""


SPARE_SECONDS = 60.0
"""What is added to the time that a loop may take, for a host that has much to do."""


def now() -> datetime:
    """Return the time for people."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class _Loop:
    doing: str
    since: datetime
    task: asyncio.Task[Any] | None = None
    said_at: float = 0.0
    within_seconds: float | None = None
    asks: bool = False


class StatusBoard:
    """The board everybody writes on."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._awake_seconds = 0.0
        self._loops: dict[str, _Loop] = {}
        self._changed = asyncio.Event()
        self._session_at: float | None = None
        self._is_leaving = False

    def watch(self, loop: str, task: asyncio.Task[Any]) -> None:
        """Look after a loop: it must not end before the agent leaves."""
        self._of(loop).task = task

    def doing(self, loop: str, what: str, *, within_seconds: float | None = None, asks: bool = False) -> None:
        """Say what a loop does from now on, or still.

        ``within_seconds``: how long that may take; None: for ever. One that has said nothing new a minute later is
        stuck (:data:`SPARE_SECONDS`).
        ``asks``: what it waits for needs a session, and the time that there is none does not count.
        """
        mine = self._of(loop)
        mine.said_at, mine.within_seconds, mine.asks = self._awake(), within_seconds, asks
        if mine.doing != what:
            mine.doing, mine.since = what, now()
            self._changed.set()

    def session(self, *, is_open: bool) -> None:
        """Say that a session is there from now on, or none any more."""
        self._session_at = self._awake() if is_open else None
        self._changed.set()

    def leave(self) -> None:
        """Say that the agent leaves: its loops end."""
        self._is_leaving = True
        self._changed.set()

    def changed(self) -> None:
        """Say that something else of the status has changed."""
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return when something changed since the last time this returned."""
        await self._changed.wait()
        self._changed.clear()

    def loops(self) -> dict[str, LoopStatus]:
        """Return what each loop does."""
        return {
            name: LoopStatus(doing=each.doing, since=each.since, ok=self._fault(name, each) is None)
            for name, each in self._loops.items()
        }

    def faults(self) -> list[str]:
        """Say which loops have died or are stuck, and what to do; nothing if all is well."""
        return [fault for name, each in self._loops.items() if (fault := self._fault(name, each))]

    def _of(self, loop: str) -> _Loop:
        return self._loops.setdefault(loop, _Loop("starting", now(), said_at=self._awake()))

    def _fault(self, name: str, loop: _Loop) -> str | None:
        if self._is_leaving:
            return None
        if loop.task is not None and loop.task.done():
            return f"The loop {name!r} has ended: {_RESTART}."
        silent_seconds = self._silent_seconds(loop)
        if loop.within_seconds is None or silent_seconds <= loop.within_seconds + SPARE_SECONDS:
            return None
        return (
            f"The loop {name!r} ({loop.doing}) has been stuck for {silent_seconds:.0f} s, and may take "
            f"{loop.within_seconds:.0f} s: {_RESTART}."
        )

    def _silent_seconds(self, loop: _Loop) -> float:
        if not loop.asks:
            return self._awake() - loop.said_at
        return 0.0 if self._session_at is None else self._awake() - max(loop.said_at, self._session_at)

    def _awake(self) -> float:
        """Return the seconds that this process has lived and was not standing still."""
        looked_at, self._looked_at = self._looked_at, self._clock()
        self._awake_seconds += min(self._looked_at - looked_at, LONGEST_LOOK_SECONDS)
        return self._awake_seconds


_RESTART = "restart the agent, what runs goes on; and report it with the agent's log"
