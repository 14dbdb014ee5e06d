"""What a service manager is told: that the agent is there, that its event loop answers, that it leaves.

The words are those of ``sd_notify(3)``: one datagram each to the socket that ``NOTIFY_SOCKET`` names. Without
that variable nothing is said. What is not heard changes nothing for the agent.

What if the event loop hangs? Then nothing feeds the watchdog, and the service manager starts the agent anew;
what it runs lives on. A server that is away never keeps the watchdog from being fed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""Taken out of the environment: whatever a job runs is not the service, and must not speak for it."""


class ServiceManager:
    """The service manager that started this process, if one wants to hear of it.

    ``address``: of its socket; None: nobody listens. ``watchdog_seconds``: how long it lets pass between two
    signs of life; None: for ever.
    """

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Read who listens from the environment, and take it out of there."""
        address, pid, microseconds = (environment.pop(name, "") for name in VARIABLES)
        is_meant = pid in ("", str(os.getpid()))
        if not (is_meant and microseconds.isdecimal() and int(microseconds)):
            return cls(address or None)
        return cls(address or None, int(microseconds) / 1_000_000)

    @asynccontextmanager
    async def attended(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> AsyncIterator[None]:
        """Say that the agent is there, feed the watchdog for as long as this lasts, and say that it leaves."""
        self._say("READY=1")
        feeding = asyncio.create_task(self._feed(sleep), name="watchdog") if self.watchdog_seconds else None
        try:
            yield
        finally:
            if feeding is not None:
                feeding.cancel()
                await asyncio.wait([feeding])
            self._say("STOPPING=1")

    async def _feed(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        assert self.watchdog_seconds  # noqa: S101  attended
        while True:
            self._say("WATCHDOG=1")
            await sleep(self.watchdog_seconds / 2)  # as sd_watchdog_enabled(3) asks for

    def _say(self, words: str) -> None:
        if self._address is None:
            return
        # An address that begins with @ is of the abstract kind, which begins with a zero byte.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.setblocking(False)
                speaker.sendto(words.encode(), address)
        except OSError as error:
            logger.warning(
                "The service manager did not take %s: %s.", words, error, extra={"event": "service_manager_deaf"}
            )
