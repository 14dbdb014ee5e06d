"""The tmux server of one agent: a socket of its own, started so that it outlives the agent, its sessions.

tmux holds processes and lets people look at them; it is never asked how anything ended. Nothing secret
goes through it: it keeps the environment it was started with, and its command lines are for all to read.

What if it dies here? Its sessions' processes are hung up (SIGHUP), end, and record that; the next start
of a job starts another server. What if the agent dies? The server goes on, and the next agent uses it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from edge_agent.errors import CannotStart

logger = logging.getLogger(__name__)

OLDEST_TMUX = (2, 7)
"""Without ``exit-empty`` (2.7) a server ends with its last session, perhaps while a job is started."""

SOCKET_PATH_BYTES = 107
"""The longest path of a socket that Linux takes."""

ANSWER_SECONDS = 30.0
"""How long tmux may take to answer: milliseconds, on a machine that is not stuck."""

NAME_CHARACTERS = 60
ID_CHARACTERS = 8

SYSTEMD_RUNS = Path("/run/systemd/system")
"""A directory that is there exactly where systemd is process 1 (``sd_booted(3)``)."""


class TmuxServer:
    """The server behind ``folder/socket``. The folder is for the agent's user alone."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "socket"
        self._starting = asyncio.Lock()

    def check(self) -> None:
        """Look for what it needs on this host.

        :raises CannotStart: when something is missing; says what to do.
        """
        length = len(os.fsencode(self.socket))
        if length > SOCKET_PATH_BYTES:
            msg = (
                f"The path of the tmux socket, {self.socket}, is {length} bytes long; the system takes "
                f"{SOCKET_PATH_BYTES}. Give the agent a shorter EDGE_AGENT_STATE_DIR."
            )
            raise CannotStart(msg)
        if shutil.which("tmux") is None:
            msg = "tmux is not installed on this host, or not on the agent's PATH. Install it for jobs that ask for it."
            raise CannotStart(msg)
        said = self._run(["tmux", "-V"]).stdout.strip()
        version = re.search(r"(\d+)\.(\d+)", said)  # "tmux 3.3a", "tmux next-3.5"; OpenBSD's own has none
        if version and tuple(map(int, version.groups())) < OLDEST_TMUX:
            oldest = ".".join(map(str, OLDEST_TMUX))
            msg = f"{said!r} on this host is too old for jobs in tmux: install {oldest} or newer."
            raise CannotStart(msg)

    async def ensure(self) -> None:
        """Start the server if it does not run.

        :raises CannotStart: when it cannot be started; says why.
        """
        async with self._starting:
            if not self.runs():
                await asyncio.to_thread(self._start)

    def runs(self) -> bool:
        """Whether a server listens."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(os.fspath(self.socket))
            except OSError:
                return False
            return True

    def open(self, name: str, words: Sequence[str]) -> int:
        """Open a session around a command line; return the pid of its process, which may have ended by now.

        :raises CannotStart: when tmux refuses; says why.
        """
        # More than one word: tmux runs them as they are, without a shell of its own.
        done = self.ask("new-session", "-d", "-s", name, "-x", "200", "-y", "50", "-c", "/", *_PRINT_PID, *words)
        if done.returncode:
            msg = f"tmux could not open a session: {done.stderr.strip() or done.stdout.strip()}."
            raise CannotStart(msg)
        return int(done.stdout)

    def has(self, name: str) -> bool:
        """Whether there is a session of exactly this name."""
        return self.ask("has-session", "-t", f"={name}").returncode == 0

    def names(self) -> list[str]:
        """Return the names of all sessions."""
        return self.ask("list-sessions", "-F", "#{session_name}").stdout.split()

    def close(self, name: str) -> None:
        """Close a session, with whatever is in it. One that is not there is no error."""
        self.ask("kill-session", "-t", f"={name}")

    def leave(self) -> None:
        """End the server if it holds nothing."""
        if self.runs() and not self.names():
            self.ask("kill-server")

    def attach_words(self, name: str, *, write: bool) -> list[str]:
        """Return the command line that shows a session on one's own terminal."""
        return [*self._words(), "attach-session", *([] if write else ["-r"]), "-t", f"={name}"]

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of tmux against this server.

        :raises CannotStart: when tmux does not answer.
        """
        return self._run([*self._words(), *words])

    def _words(self) -> list[str]:
        # Nobody's own tmux.conf decides how jobs are held.
        return ["tmux", "-f", os.devnull, "-S", os.fspath(self.socket)]

    def _start(self) -> None:
        folder = self.socket.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            msg = f"The directory {folder} of the tmux socket cannot be made: {error.strerror}."
            raise CannotStart(msg) from error
        # It is not to end with its last session, for that may be while the next one is being opened.
        words = [*self._words(), "start-server", ";", "set-option", "-g", "exit-empty", "off"]
        scope = scope_words()
        done = self._run([*scope, *words])
        if done.returncode and scope:
            logger.warning(
                "systemd gave the tmux server no scope of its own (%s): a restart of the agent's service may "
                "end jobs in tmux, unless its unit has KillMode=process. For a user's service: loginctl enable-linger.",
                done.stderr.strip(),
                extra={"event": "tmux_without_scope"},
            )
            done = self._run(words)
        if done.returncode:
            msg = f"The tmux server could not be started: {done.stderr.strip() or done.stdout.strip()}."
            raise CannotStart(msg)

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                words,
                check=False,
                env=_environment(),
                cwd="/",  # the server stays where it was started, and would keep a file system from being unmounted
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
            )
        except OSError as error:
            msg = f"{words[0]} could not be run: {error.strerror}."
            raise CannotStart(msg) from error
        except subprocess.TimeoutExpired:
            msg = f"tmux did not answer within {ANSWER_SECONDS:.0f} s on {self.socket}; look what its server does."
            raise CannotStart(msg) from None


_PRINT_PID = ("-P", "-F", "#{pane_pid}")


def session_name(label: str, assignment_id: UUID) -> str:
    """Return the name of an assignment's session: what tmux takes of its label, and the beginning of its id."""
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '_', label)[:NAME_CHARACTERS]}-{str(assignment_id)[:ID_CHARACTERS]}"


def scope_words() -> list[str]:
    """Return what to put before a command so that it outlives the agent's service, where systemd runs.

    tmux leaves the agent's process tree, but not its cgroup, which a restart of the service ends as a whole.
    """
    if not SYSTEMD_RUNS.is_dir() or shutil.which("systemd-run") is None:
        return []
    whose = [] if os.geteuid() == 0 else ["--user"]
    unit = f"edge-agent-tmux-{uuid4().hex[:ID_CHARACTERS]}"
    return ["systemd-run", *whose, "--scope", "--collect", "--quiet", f"--unit={unit}", "--"]


def _environment() -> dict[str, str]:
    """Return what tmux may keep: nothing of the agent, nor of a tmux the agent itself was started in."""
    own = ("EDGE_AGENT_", "TMUX")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}
