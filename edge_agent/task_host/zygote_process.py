"""The agent's end of one zygote: started, heard, asked, let go, reaped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from edge_agent.attempt_dir import Identity
from edge_agent.processes import Process
from edge_agent.task_host.errors import TaskHostError
from edge_agent.task_host.messages import CHANNEL, NotStarted, Ready, Refused, Spawn, Started, decode, encode

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 2**24
"""The longest line: Ready, on a host with very many plugin files."""

LAST_WORDS_BYTES = 2000


class ZygoteGone(Exception):
    """The stream ended: no process is left that could answer what was asked."""


class ZygoteProcess:
    """One zygote. It gets warm, serves, and once it is let go ends with the last of its children."""

    def __init__(self, identity: Identity, channel: socket.socket, log: Path) -> None:
        loop = asyncio.get_running_loop()
        self.identity = identity
        self.serves = True
        """Whether it may still be asked."""
        self._channel = channel
        self._log = log
        self._log_begins = log.stat().st_size if log.exists() else 0
        self._numbers = count(1)
        self._sending = asyncio.Lock()
        self._asked: dict[int, asyncio.Future[Started | NotStarted]] = {}
        self._ready: asyncio.Future[Ready] = loop.create_future()
        # Perhaps nobody asks before it ends; what it would have raised is in the log too.
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._life = loop.create_task(self._live(), name=f"task host {identity.pid}")

    @classmethod
    def start(cls, *, python: str, environment: Mapping[str, str], log: Path) -> Self:
        """Start one. Needs a running loop.

        :raises TaskHostError: when the interpreter cannot be run, or the log not be written.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                # Not subprocess: that keeps an object per child, and this child may outlive us.
                pid = os.posix_spawn(
                    python,
                    # -P: the directory the agent was started in is no place to import from.
                    [python, "-P", "-m", "edge_agent.task_host"],
                    dict(environment),
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                        (os.POSIX_SPAWN_DUP2, 1, 2),
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), CHANNEL),
                    ],
                    # Out of reach of what is meant for the agent: Ctrl-C, a signal to its group.
                    setsid=True,
                )
            except OSError as error:
                ours.close()
                msg = f"The task host could not be started with {python} and its log {log}: {error.strerror}."
                raise TaskHostError(msg) from error
        logger.info("Started task host, process %d.", pid, extra={"event": "task_host_started"})
        return cls(Identity.of(pid), ours, log)

    async def ready(self) -> Ready:
        """Wait until it is warm.

        :raises TaskHostError: when it cannot be; says why.
        """
        return await asyncio.shield(self._ready)

    @property
    def answered(self) -> Ready | None:
        """What it said when it was warm; None before that."""
        return self._ready.result() if self._ready.done() and not self._ready.exception() else None

    @property
    def is_over(self) -> bool:
        """Whether it has ended and was reaped."""
        return self._life.done()

    async def ask(self, *, attempt: Path, server: str, agent: str) -> Started | NotStarted:
        """Ask for an attempt to be started and wait for the answer.

        :raises ZygoteGone: when there is none, nor will be.
        """
        if not self.serves:
            raise ZygoteGone
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Started | NotStarted] = loop.create_future()
        self._asked[number] = answer
        try:
            # A broken pipe is the end of the stream, which is dealt with where it is heard.
            async with self._sending:
                with suppress(BrokenPipeError, ConnectionResetError):
                    await loop.sock_sendall(self._channel, encode(Spawn(number, str(attempt), server, agent)))
            return await answer
        finally:
            del self._asked[number]

    def let_go(self) -> None:
        """Ask for nothing more. It ends when it has no children, now or later."""
        self.serves = False
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Kill it. Its children go on."""
        with suppress(ProcessLookupError):
            os.kill(self.identity.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until it has ended."""
        await asyncio.shield(self._life)

    async def leave(self) -> None:
        """Let go, and listen no longer; whoever is init reaps it, unless it has ended already."""
        self.let_go()
        self._life.cancel()
        await asyncio.wait({self._life})

    async def _live(self) -> None:
        """Hear it until the end of the stream, then reap it."""
        try:
            await self._hear()
        finally:
            self.serves = False
            self._channel.close()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(ZygoteGone())
            if not self._ready.done():
                self._ready.set_exception(TaskHostError(self._last_words()))
        await Process(self.identity, own_child=True).ended()
        logger.info("Task host, process %d, has ended.", self.identity.pid, extra={"event": "task_host_ended"})

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        heard = b""
        while data := await self._receive(loop):
            *lines, heard = (heard + data).split(b"\n")
            for line in lines:
                self._take(line)

    async def _receive(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            return await loop.sock_recv(self._channel, 65536)
        except ConnectionResetError:
            return b""

    def _take(self, line: bytes) -> None:
        message = decode(line)
        if isinstance(message, Ready):
            self._ready.set_result(message)
            logger.info("Task host is warm after %.1f s.", message.warm_seconds, extra={"event": "task_host_warm"})
        elif isinstance(message, Refused):
            self.serves = False
            self._ready.set_exception(TaskHostError(message.reason))
        elif isinstance(message, Started | NotStarted):
            answer = self._asked.get(message.number)
            if answer is not None and not answer.done():
                answer.set_result(message)

    def _last_words(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(self._log_begins, self._log.stat().st_size - LAST_WORDS_BYTES))
                said = log.read(LAST_WORDS_BYTES).decode(errors="replace").strip()
        except OSError:
            said = ""
        last = said.rpartition("\n")[2] or "nothing"
        return f"The task host ended before it was warm. It last said: {last} (all of it is in {self._log})"
