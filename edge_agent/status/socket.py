"""``status.sock``: whoever connects gets the status, from the event loop itself, and the connection is closed.

What if it dies here? The socket stays and nobody listens: the next agent of the directory puts its own in its
place, in one step. One that leaves takes away its own and no other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_agent.short_calls import ShortCalls
from edge_agent.status.report import Status

logger = logging.getLogger(__name__)

LONGEST_PATH_BYTES = 107
"""What the kernel has room for in the address of a socket, beside the NUL at its end."""

MOST_CALLERS = 8

CALL_SECONDS = 5.0

END = b"\n"
"""What an answer ends with. One without it was broken off."""

AGAIN_SECONDS = 10.0
"""How soon it is tried again where there can be no socket: the disk is full."""


class StatusSocket:
    """The socket at ``path``, answered with ``status``."""

    def __init__(
        self,
        path: Path,
        status: Callable[[], Status],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._status = status
        self._sleep = sleep
        self._calls = ShortCalls(self._answer, most=MOST_CALLERS, seconds=CALL_SECONDS)
        self._server: asyncio.Server | None = None
        self._file: tuple[int, int] | None = None

    async def open(self) -> None:
        """Listen, however often it has to be tried."""
        is_told = False
        while self._server is None:
            try:
                self._server = await asyncio.start_unix_server(self._calls, sock=self._listener())
            except OSError as error:
                if not is_told:
                    logger.warning(
                        "There is no status socket, and `edge-agent status` gets no answer: %s: %s.",
                        self._path,
                        error.strerror or error,
                        extra={"event": "status_unreachable"},
                    )
                is_told = True
                await self._sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Listen no more, and take away the socket if it is still this one."""
        if self._server is not None:
            self._server.close()
        self._calls.close()
        with suppress(OSError):
            if self._file == _file_at(self._path):
                self._path.unlink()

    def _listener(self) -> socket.socket:
        """Listen beside the place first: there is always one socket at it, the one before or this one."""
        beside = self._path.with_suffix(f".{os.getpid()}.sock")
        beside.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address_of(beside) as address:
                listener.bind(address)
            beside.chmod(0o600)
            listener.listen(MOST_CALLERS)
            self._file = _file_at(beside)
            beside.replace(self._path)
        except OSError:
            listener.close()
            beside.unlink(missing_ok=True)
            raise
        return listener

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._status().model_dump_json().encode() + END)
        await writer.drain()


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give the address of a socket: its path, or a shorter way to the same place if that is too long for one.

    :raises OSError: when there is no such directory, or no ``/proc`` to go by.
    """
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _file_at(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
