"""A line that counts what goes over it, between an agent and its server."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self

PIECE_BYTES = 65_536


class CountedLine:
    """A TCP proxy to one port of this machine. ``sent`` and ``received`` are bytes, as the host sees them."""

    def __init__(self, port: int) -> None:
        self.sent = self.received = 0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counted line")

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where the host's end is."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, host: asyncio.StreamReader, to_host: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._pass_on(host, to_server, "sent"), self._pass_on(server, to_host, "received"))

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, counter: str) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE_BYTES):
                setattr(self, counter, getattr(self, counter) + len(piece))
                target.write(piece)
                await target.drain()
        target.close()

    async def _finish(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
