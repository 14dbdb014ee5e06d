"""What all hooks of one connection share in one event loop: a client, and one held request for all who wait.

A triggerer has thousands of triggers in one loop. Each with its own TLS connection would cost more than what it does.

What if the loop ends? It cancels the task that keeps the client, and that closes it. What if the loop is closed
without that? Nothing can be closed in it any more; what it leaves is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context

from airflow_plugin.commands.client import AsyncClient
from airflow_plugin.commands.shared_watch import SharedWatch
from airflow_plugin.commands.site import Site

LINGER_SECONDS = 30.0
"""How long a client that nobody uses is kept: making one reads all authorities of the host."""


class SharedClient:
    """A client of one loop. ``watch``: to wait with all others."""

    def __init__(self, site: Site) -> None:
        self.client = AsyncClient(site)
        self.watch = SharedWatch(self.client)
        self._uses = 0
        self._idle = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_used(self) -> bool:
        """Whether somebody is asking something."""
        return self._uses > 0

    def begin(self) -> None:
        """Count somebody who uses it."""
        self._uses += 1

    def end(self) -> None:
        """Count one less."""
        self._uses -= 1
        if not self._uses:
            self._idle.set()

    def keep(self, clients: dict[Site, SharedClient]) -> None:
        """Stay in ``clients`` until nobody has used it for a while, then close."""
        # A context of its own: what runs for many must not log as the one who came first.
        task = asyncio.get_running_loop().create_task(self._keep(clients), context=Context())
        self._keeper = task

    async def _keep(self, clients: dict[Site, SharedClient]) -> None:
        try:
            while not await self._is_left():
                pass
        finally:
            if clients.get(self.client.site) is self:
                del clients[self.client.site]
            await self.watch.close()
            await self.client.close()

    async def _is_left(self) -> bool:
        await self._idle.wait()
        self._idle.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self._idle.wait()
        return not self.is_used and not self._idle.is_set()


LOOPS: dict[asyncio.AbstractEventLoop, dict[Site, SharedClient]] = {}
"""The clients there are, by event loop and site."""


@asynccontextmanager
async def shared_client(site: Site) -> AsyncIterator[SharedClient]:
    """Lend the client of a site that this event loop has.

    :raises ConnectionUnusable: when there can be none, as certificates cannot be read.
    """
    for loop in [loop for loop in list(LOOPS) if loop.is_closed()]:
        LOOPS.pop(loop, None)
    clients = LOOPS.setdefault(asyncio.get_running_loop(), {})
    if (shared := clients.get(site)) is None:
        shared = clients[site] = SharedClient(site)
        shared.keep(clients)
    shared.begin()
    try:
        yield shared
    finally:
        shared.end()
