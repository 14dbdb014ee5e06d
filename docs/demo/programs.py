"""What the demo starts: programs with an environment of their own, and a log file each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

_BIN = Path(sys.executable).parent


class DemoFailedError(Exception):
    """The demo cannot go on. ``logs``: files whose ends say more."""

    def __init__(self, message: str, *logs: Path) -> None:
        super().__init__(message)
        self.logs = logs


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment with this one's programs, another home and ``variables``; nothing else."""
    own = {"HOME": str(home), "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    language = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
    return language | own | {"PYTHONUNBUFFERED": "1"} | variables


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Program:
    """One program in a session of its own, which writes to a log file."""

    def __init__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], home: Path, log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(_BIN / command[0]), *command[1:]]
        self._environment = environment
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, with nothing on standard input."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs, and before."""
        return self._process.poll() if self._process is not None else None

    def must_run(self) -> None:
        """Raise when it has ended.

        :raises DemoFailedError: with its log.
        """
        if self.exit_code is not None:
            msg = f"{self.name} ended with exit code {self.exit_code}."
            raise DemoFailedError(msg, self.log)

    def run(self) -> str:
        """Run it to its end, and return what it wrote to standard output.

        :raises DemoFailedError: with its log, when it fails.
        """
        with self.log.open("ab") as log:
            done = subprocess.run(
                self._command,
                env=self._environment,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
                start_new_session=True,
                text=True,
            )
        if done.returncode:
            with self.log.open("a", encoding="utf-8") as log_text:
                log_text.write(done.stdout)
            msg = f"{self.name} failed with exit code {done.returncode}."
            raise DemoFailedError(msg, self.log)
        return done.stdout

    def ask_to_end(self, how: signal.Signals) -> None:
        """Send a signal to the process itself, if it runs."""
        if self._process is not None:
            self._process.send_signal(how)

    def wait(self, timeout_seconds: float) -> None:
        """Wait for its end, but not for longer than that."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_seconds)


def end(programs: Iterable[Program], how: signal.Signals, timeout_seconds: float) -> None:
    """Ask programs to end, all at once, and wait for them together. What is left then, the keeper kills."""
    programs = list(programs)
    deadline = time.monotonic() + timeout_seconds
    for program in programs:
        program.ask_to_end(how)
    for program in programs:
        program.wait(max(0.0, deadline - time.monotonic()))
