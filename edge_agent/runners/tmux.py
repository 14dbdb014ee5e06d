"""Jobs in tmux sessions, one each: somebody with an account on the host can look at them, and type.

Everything but the terminal is as with the local runner: the same process in the pane, which leads an OS
session of its own, writes to the attempt's files, claims and records.

What if it dies here? Before the session is open: nothing was started. After it, before the claim: the
next agent's claim keeps the process from starting. From then on tmux may die as well: see
:mod:`edge_agent.tmux_server`.
"""

from __future__ import annotations

import asyncio
import os
import re
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from typing_extensions import override

from edge_agent import last_words
from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.errors import CannotStart
from edge_agent.program import Program
from edge_agent.runners.base import Runner
from edge_agent.runners.command import CommandRunner, environment_for_jobs
from edge_agent.tmux_server import ID_CHARACTERS, TmuxServer, session_name

BEGIN_SECONDS = 60.0
"""How long a process in a new session may take to claim its attempt: 0.1 s on a quiet machine."""

LOOK_SECONDS = 0.02

_OURS = re.compile(rf"-([0-9a-f]{{{ID_CHARACTERS}}})$")
"""How the name of a job's session ends. What else somebody opens on our server is his."""

REDIRECTED = 'exec "$@" >>"$0" 2>&1'
"""To the file in any case, from the first byte on. The terminal stays on standard input."""


class TmuxRunner(Runner):
    """Runs jobs in sessions of one tmux server. What runs in them, says who derives from it.

    ``attempts``: where the attempt directories are, to know which sessions have nothing to do any more.
    """

    def __init__(self, server: TmuxServer, attempts: Path) -> None:
        self._server = server
        self._attempts = attempts

    @abstractmethod
    def words_of(self, attempt: AttemptDir) -> list[str]:
        """Return the command line of the process in the pane."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the environment of the process in the pane."""

    @override
    async def prepare(self) -> None:
        await asyncio.to_thread(self._server.check)
        await self._server.ensure()
        await asyncio.to_thread(self._close_what_is_over)

    @override
    async def start(self, attempt: AttemptDir) -> Identity:
        await self._server.ensure()
        pid = await asyncio.to_thread(self._open, attempt)
        return await _begun(attempt, pid)

    @override
    async def close(self) -> None:
        with suppress(CannotStart):  # It hangs. The next agent finds it as it is.
            await asyncio.to_thread(self._server.leave)

    def _open(self, attempt: AttemptDir) -> int:
        try:
            os.close(os.open(attempt.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            # The server was started long ago, perhaps by another agent; and a command line is no place for it.
            attempt.write("env.json", self.environment())
        except OSError as error:
            msg = f"The agent's disk did not take it: {error.strerror}."
            raise CannotStart(msg) from error
        name = session_of(attempt)
        return self._server.open(name, ["/bin/sh", "-c", REDIRECTED, str(attempt.output), *self.words_of(attempt)])

    def _close_what_is_over(self) -> None:
        """Close sessions that live on without their job: by windows somebody has opened in them."""
        ours = {name: found[1] for name in self._server.names() if (found := _OURS.search(name))}
        here = {path.name[:ID_CHARACTERS] for path in self._attempts.iterdir()}  # looked for after the names
        for name in [name for name, begin_of_id in ours.items() if begin_of_id not in here]:
            self._server.close(name)


class TmuxCommandRunner(TmuxRunner, CommandRunner):
    """Runs command jobs in tmux."""

    def __init__(self, server: TmuxServer, attempts: Path, program: Program) -> None:
        TmuxRunner.__init__(self, server, attempts)
        CommandRunner.__init__(self, program, attempts)

    @override
    async def prepare(self) -> None:
        await TmuxRunner.prepare(self)
        await CommandRunner.prepare(self)

    @override
    def words_of(self, attempt: AttemptDir) -> list[str]:
        return self.wrapper_of(attempt)

    @override
    def environment(self) -> dict[str, str]:
        return environment_for_jobs()


def session_of(attempt: AttemptDir) -> str:
    """Return the name of an attempt's session."""
    label = (attempt.read("offer.json") or {}).get("label", "job")
    return session_name(label, UUID(attempt.path.name))


async def _begun(attempt: AttemptDir, pid: int) -> Identity:
    """Wait until the process in the pane has claimed the attempt; only the claim says which it is.

    :raises CannotStart: when it did not, and now cannot any more.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BEGIN_SECONDS
    while (decided := attempt.claimed()) is None and _lives(pid) and loop.time() < deadline:  # noqa: ASYNC110  a file
        await asyncio.sleep(LOOK_SECONDS)
    if decided is None:
        decided = await asyncio.to_thread(attempt.claim, "never")
    identity = attempt.identity()
    if decided == "started" and identity is not None:
        return identity
    (attempt.path / "env.json").unlink(missing_ok=True)  # the attempt of what failed may be kept
    said = last_words.tail(attempt.output) or "nothing"
    msg = f"It ended before it began, or was no longer wanted. It said: {said}"
    raise CannotStart(msg)


def _lives(pid: int) -> bool:
    try:
        return Identity.of(pid).is_alive()
    except ProcessLookupError:
        return False
