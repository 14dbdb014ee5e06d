"""Sends pieces of logs, a few at a time, whichever jobs they are of."""

from __future__ import annotations

import asyncio
from uuid import UUID

from edge_agent.client import QueueClient
from edge_agent.counts import Counts
from edge_agent.protocol import LogAck, metrics
from edge_agent.retry import SEND_LOG
from edge_agent.sessions import Sessions

SENDERS = 8
"""How many log chunks are on their way at once: bounds memory, and leaves the line to the beats."""

CHUNK_BYTES = 65_536
"""Size of a log chunk as long as no server has named its own."""


class LogSending:
    """The one way of all logs to the server."""

    def __init__(self, sessions: Sessions, client: QueueClient, counts: Counts) -> None:
        self._sessions = sessions
        self._client = client
        self._counts = counts
        self._senders = asyncio.Semaphore(SENDERS)

    def chunk_bytes(self) -> int:
        """Return how much to send at once."""
        latest = self._sessions.latest
        return latest.limits.log_chunk_bytes if latest else CHUNK_BYTES

    async def send(self, assignment_id: UUID, offset: int, content: bytes) -> LogAck:
        """Send what stands at an offset, however long it takes.

        :raises QueueApiError: when it is refused.
        """
        async with self._senders:
            ack = await self._sessions.ask(
                SEND_LOG, lambda session: self._client.send_log(session, assignment_id, offset, content)
            )
        self._counts.add(metrics.LOG_SENT, by=max(0, ack.next_offset - offset))
        return ack
