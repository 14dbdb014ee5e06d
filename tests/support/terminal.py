"""A terminal with somebody before it: a real pseudo-terminal, what is seen on it, and what is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.support.waiting import wait_until


class Terminal:
    """Runs one program on a terminal of 200 columns. A context manager; its end ends the program."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path) -> None:
        self._command = list(command)
        self._environment = dict(environment) | {"TERM": "xterm"}
        self._cwd = cwd
        self._seen = b""

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        os.set_blocking(self._master, False)
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def shows(self, text: str, *, timeout: float = 20) -> None:
        """Wait until a text has been shown."""
        what = f"the terminal shows {text!r}"
        wait_until(self.seen, until=lambda seen: text in seen, what=what, timeout=timeout)

    def seen(self) -> str:
        """Return all that was shown so far."""
        try:
            while more := os.read(self._master, 65_536):
                self._seen += more
        except OSError:  # There is nothing more now, or the program has closed its end.
            pass
        return self._seen.decode(errors="replace")

    def ended(self, *, timeout: float = 20) -> int:
        """Wait until the program has ended, and return its exit code."""
        wait_until(lambda: (self.seen(), self._process.poll())[1] is not None, what="it ends", timeout=timeout)
        return self._process.wait()
