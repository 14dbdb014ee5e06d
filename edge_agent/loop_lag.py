"""How late the event loop is: what blocks it delays heartbeats, and costs everything the agent holds in the end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from edge_agent.status.board import StatusBoard

LOOK_SECONDS = 1.0
REMEMBERED = 60
"""How many looks the worst is of."""


class LoopLag:
    """Looks once a second whether it is woken in time."""

    def __init__(
        self,
        board: StatusBoard | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board or StatusBoard()
        self._sleep = sleep
        self._clock = clock
        self._lags: deque[float] = deque(maxlen=REMEMBERED)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._board.doing("event loop", "looking whether it is woken in time", within_seconds=LOOK_SECONDS)
            before = self._clock()
            await self._sleep(LOOK_SECONDS)
            self._lags.append(max(0.0, self._clock() - before - LOOK_SECONDS))

    def worst_seconds(self) -> float:
        """Return the worst of the last minute."""
        return max(self._lags, default=0.0)
