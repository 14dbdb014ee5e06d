"""Draining: no new work, then leave when what runs is done or a deadline has passed.

Asked for on the host (a signal) or by the server (an admin). The server may take it back, a signal not.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

from edge_agent.holdings import Holdings

logger = logging.getLogger(__name__)

DELIVERY_SECONDS = 10.0
"""How long an agent on which nothing runs any more waits for the server to take the last logs and ends.
What it has not taken by then is delivered by the next start."""


class Drain:
    """Whether the agent drains, and when it is done."""

    def __init__(
        self,
        holdings: Holdings,
        *,
        delivery_seconds: float = DELIVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._holdings = holdings
        self._delivery_seconds = delivery_seconds
        self._clock = clock
        self._asked_here = False
        self._deadline_here = math.inf
        self._ordered = False
        self._deadline_ordered = math.inf

    @property
    def is_on(self) -> bool:
        """Whether no new work may be taken."""
        return self._asked_here or self._ordered

    @property
    def reason(self) -> str | None:
        """Who asked for it, for people."""
        if self._asked_here:
            return "told to stop on this host"
        return "drained by an admin" if self._ordered else None

    @property
    def seconds_left(self) -> float | None:
        """How long the jobs that run may take, when it drains; None: for as long as they take."""
        left = self._seconds_left()
        return None if math.isinf(left) else max(0.0, left)

    def ask(self, timeout_seconds: float) -> None:
        """Drain because this host's operator says so. Asked again, an earlier deadline holds, a later one does not."""
        deadline = self._clock() + timeout_seconds
        if self._asked_here and deadline >= self._deadline_here:
            return
        self._asked_here = True
        self._deadline_here = deadline
        logger.info(
            "Draining: no new work; leaving when the %d running jobs are done, or in %.0f s.",
            self._holdings.running,
            timeout_seconds,
            extra={"event": "draining"},
        )
        self._holdings.changed()

    def ordered(self, *, wanted: bool, seconds_left: float | None) -> None:
        """Drain, or no longer, because the server says so."""
        if wanted and not self._ordered:
            logger.info(
                "An admin drains this agent; it leaves when its work is done.",
                extra={"event": "drain_ordered"},
            )
        if self._ordered and not wanted:
            logger.info("The drain is taken back; taking work again.", extra={"event": "drain_lifted"})
        moved = wanted != self._ordered
        self._ordered = wanted
        self._deadline_ordered = self._clock() + seconds_left if wanted and seconds_left is not None else math.inf
        if moved:
            self._holdings.changed()

    async def finished(self) -> None:
        """Return when the agent drains and has nothing left to wait for."""
        while not self._is_too_late():
            if not self.is_on or self._holdings.running:
                await self._change(self._seconds_left())
            elif await self._delivered():
                return

    def _is_too_late(self) -> bool:
        return self.is_on and self._seconds_left() <= 0

    async def _delivered(self) -> bool:
        """Wait a little for ends to be taken, and confirms answered; False when one made a job run."""
        given_up_at = self._clock() + self._delivery_seconds
        while not self._holdings.running:
            if self._holdings.is_empty or self._clock() >= given_up_at:
                return True
            await self._change(given_up_at - self._clock())
        return False

    def _seconds_left(self) -> float:
        return min(self._deadline_here, self._deadline_ordered) - self._clock()

    async def _change(self, timeout_seconds: float) -> None:
        limit = None if math.isinf(timeout_seconds) else timeout_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._holdings.wait_for_change()
