"""One job's log on its way: the bytes of a file, by offset, once and in order, while the file grows.

The file is the spool: nothing is kept in memory but the chunk under way. The server's next offset is
the truth about what was delivered: a repeat makes us go forward to it, a gap makes us go back to it.

What if it dies here? The next agent starts where :mod:`edge_agent.spooled_log` has noted that the log was
delivered to, and the server's first answer takes it to where it stopped.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from edge_agent.errors import ProblemAnswer, QueueApiError, UndecodableAnswer
from edge_agent.protocol import LogAck, ProblemReason
from edge_agent.spooled_log import SpooledLog

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.4
"""How long bytes may wait for company. With 0.4 s here and the way to the reader's page, what was
written is seen within a second."""

LEAST_CHUNK_BYTES = 1024

MOST_PAUSE_SECONDS = 60.0
"""A server counts by minutes; one that asks for more must not keep a log to itself."""

Send = Callable[[int, bytes], Awaitable[LogAck]]
"""Deliver bytes at an offset, however long it takes."""


class LogStream:
    """Follows one log and sends what it holds.

    ``chunk_bytes`` is asked for each chunk: the next session may allow another size. ``about``: keys of
    the log lines that tell whose log this is.
    """

    def __init__(
        self,
        log: SpooledLog,
        send: Send,
        *,
        chunk_bytes: Callable[[], int],
        about: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.log = log
        self._send = send
        self._chunk_bytes = chunk_bytes
        self._most_bytes = 2**31
        self._about = dict(about or {})
        self._sleep = sleep
        self._uniform = uniform
        self._is_over = False
        self._pause_seconds = 0.0

    async def follow(self, ended: asyncio.Event) -> None:
        """Send what the log holds, and what comes, until ``ended`` is set and the last byte is out."""
        while not self._is_over:
            is_last_look = ended.is_set()  # before the look: what was written before the end is seen by it
            await self.flush()
            if is_last_look:
                return
            await self._wait(ended)

    async def flush(self) -> None:
        """Send what the log holds now."""
        while not self._is_over and (chunk := self._read()):
            if self._pause_seconds:
                await self._pause()  # and look again: what was read may have been given up meanwhile
            else:
                await self._deliver(chunk)

    async def _wait(self, ended: asyncio.Event) -> None:
        # Jobs that started together do not flush together for ever.
        pause = asyncio.ensure_future(self._sleep(FLUSH_SECONDS * self._uniform(0.8, 1.0)))
        end = asyncio.ensure_future(ended.wait())
        try:
            await asyncio.wait({pause, end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            end.cancel()

    def _read(self) -> bytes:
        try:
            return self.log.read(min(self._chunk_bytes(), self._most_bytes))
        except OSError as error:
            self._stop(f"The log cannot be read any more: {error}", "log_unreadable")
            return b""

    async def _deliver(self, chunk: bytes) -> None:
        before = self.log.delivered, self._most_bytes
        try:
            ack = await self._send(self.log.delivered, chunk)
        except QueueApiError as error:
            self._give_way(error, len(chunk))
        else:
            self.log.settle(ack.next_offset)
            if ack.full:
                self._stop("The log has reached its size limit; the rest stays here.", "log_full")
            self._pause_seconds = min(ack.pause_seconds, MOST_PAUSE_SECONDS)
        if (self.log.delivered, self._most_bytes) == before and not self._is_over:
            await self._sleep(FLUSH_SECONDS)  # an answer that moves nothing must not make us spin

    async def _pause(self) -> None:
        seconds, self._pause_seconds = self._pause_seconds, 0.0
        logger.info(
            "The job has written as much of its log as the server takes in a minute; the rest goes on in %.0f s.",
            seconds,
            extra={"event": "log_paused", **self._about},
        )
        await self._sleep(seconds)

    def _give_way(self, error: QueueApiError, sent_bytes: int) -> None:
        """Do what the refusal asks for, or end the stream: the job goes on without it."""
        if isinstance(error, ProblemAnswer) and error.problem.expected_offset is not None:
            self.log.settle(error.problem.expected_offset)
        elif _is_too_large(error) and sent_bytes > LEAST_CHUNK_BYTES:
            self._most_bytes = max(sent_bytes // 2, LEAST_CHUNK_BYTES)
        else:
            self._stop(f"The log is not taken any more: {error}", "log_refused")

    def _stop(self, sentence: str, event: str) -> None:
        self._is_over = True
        self.log.is_wanted = False
        logger.warning("%s", sentence, extra={"event": event, **self._about})


def _is_too_large(error: QueueApiError) -> bool:
    if isinstance(error, ProblemAnswer):
        return error.reason is ProblemReason.TOO_LARGE
    return isinstance(error, UndecodableAnswer) and error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
