"""Sends chunks of logs, a few at a time, each for as long as it takes."""

from __future__ import annotations

import asyncio
from uuid import UUID

from edge_agent.client import QueueClient
from edge_agent.counts import Counts
from edge_agent.protocol import LogAck, LogKept, metrics
from edge_agent.retry import SEND_LOG
from edge_agent.sessions import Sessions

AT_ONCE = 8
"""How many log chunks are on their way at once: bounds memory, and leaves the line to the beats."""

CHUNK_BYTES = 65_536
"""Size of a log chunk as long as no server has named its own."""


class LogSender:
    """What all logs of an agent are sent by."""

    def __init__(self, sessions: Sessions, client: QueueClient, counts: Counts) -> None:
        self._sessions = sessions
        self._client = client
        self._counts = counts
        self._places = asyncio.Semaphore(AT_ONCE)

    def chunk_bytes(self) -> int:
        """How large a chunk may be now."""
        return self._sessions.latest.limits.log_chunk_bytes if self._sessions.latest else CHUNK_BYTES

    async def send(self, assignment_id: UUID, offset: int, content: bytes, kept: LogKept | None) -> LogAck:
        """Deliver bytes at an offset. ``kept``: where the log is, if these are only words about it."""
        async with self._places:
            ack = await self._sessions.ask(
                SEND_LOG, lambda session: self._client.send_log(session, assignment_id, offset, content, kept)
            )
        self._counts.add(metrics.LOG_SENT, by=max(0, ack.next_offset - offset))
        return ack
