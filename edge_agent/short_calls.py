"""Answering whoever calls, so that no caller can be a burden: little time, few at once, and the newest comes first.

A caller who says nothing, or takes nothing, holds a place until its time is over or somebody else wants the place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ShortCalls:
    """What asyncio calls for each connection. ``most``: how many at once. ``seconds``: how long each may take."""

    def __init__(self, answer: Answer, *, most: int, seconds: float) -> None:
        self._answer = answer
        self._most = most
        self._seconds = seconds
        self._calls: dict[asyncio.Task[None], None] = {}

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one caller, and close the connection."""
        if len(self._calls) >= self._most:
            self._hang_up(next(iter(self._calls)))
        # A task of our own: asyncio's would log a traceback if it is cancelled.
        call = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._calls[call] = None
        call.add_done_callback(self._forget)
        # One that is cancelled before it has begun closes nothing itself.
        call.add_done_callback(lambda _: writer.transport.abort())

    def __len__(self) -> int:
        """How many are answered now."""
        return len(self._calls)

    def close(self) -> None:
        """Hang up on everybody."""
        for call in list(self._calls):
            self._hang_up(call)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever goes away in the middle, or dawdles, has had his chance.
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self._answer(reader, writer)
                writer.close()
                await writer.wait_closed()

    def _hang_up(self, call: asyncio.Task[None]) -> None:
        call.cancel()
        self._forget(call)

    def _forget(self, call: asyncio.Task[None]) -> None:
        self._calls.pop(call, None)
