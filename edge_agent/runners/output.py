"""What a command says, on its way through a pipe, or one for each of its streams, to the attempt's file.

Through a pipe, because the file itself would be emptied by a command that opens ``/dev/stdout`` or
``/dev/stderr`` by name (``echo failed > /dev/stderr``), and what was not delivered by then would be
gone. And because on a full disk a file makes a command fail or, most often, lose lines: a pipe makes it
wait until there is room.

What if it dies here? This is a thread of the wrapper: the command is ended with it, and what stands in
a pipe, 64 KB at most, is lost. The agent has no part in it and may come and go.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 65_536
"""As much as a pipe holds."""

LOOK_AGAIN_SECONDS = 0.5
"""How soon a disk that was full is tried again."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

Way = Callable[[bytes], bytes]
"""Returns what stands in the file for bytes of a pipe."""

AS_THEY_ARE: tuple[Way, ...] = (bytes,)
"""One pipe for both streams, byte for byte."""


class Output:
    """The pipes of one command. ``file``: the descriptor that its output goes to.

    ``ways``: one for both streams, or one for standard output and one for standard error.
    """

    def __init__(self, file: int, ways: tuple[Way, ...] = AS_THEY_ARE) -> None:
        self._file = file
        pipes = [os.pipe() for _ in ways]
        self._ways = {pipe: way for (pipe, _), way in zip(pipes, ways, strict=True)}
        self.command_ends = tuple(end for _, end in pipes)
        """What the command writes to: the first for standard output, the last for standard error."""
        self._over, self._still_on = os.pipe()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self.error: OSError | None = None
        """Why the rest of the output was thrown away, if it was."""

    def begin(self) -> None:
        """Copy from now on. The command has its ends of the pipes by now."""
        for end in self.command_ends:
            os.close(end)
        self._thread.start()

    def finish(self) -> None:
        """Return when all that was said until now is in the file, also where that has to wait for room.

        What the command has left running may go on talking, which then goes nowhere.
        """
        os.close(self._still_on)
        self._thread.join()
        for pipe in self._ways:
            if not _is_closed(pipe):
                _drain(pipe)
            os.close(pipe)

    def _copy(self) -> None:
        # A signal that this thread took would wait for the end of what the main thread waits for.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        waiting = select.poll()
        talking = set(self._ways)
        for pipe in talking:
            waiting.register(pipe, select.POLLIN)
        waiting.register(self._over, 0)  # its other end is closed: that is told in any case
        while talking and self._over not in (ready := dict(waiting.poll())):
            for pipe in talking.intersection(ready):
                if chunk := os.read(pipe, CHUNK_BYTES):
                    self._write(self._ways[pipe](chunk))
                else:  # everybody has closed it
                    waiting.unregister(pipe)
                    talking.remove(pipe)
        for pipe in talking:
            self._copy_what_is_left(pipe)

    def _copy_what_is_left(self, pipe: int) -> None:
        left = _bytes_in(pipe)  # and not more: who was left running could talk for ever
        while left:
            chunk = os.read(pipe, min(left, CHUNK_BYTES))
            self._write(self._ways[pipe](chunk))
            left -= len(chunk)

    def _write(self, content: bytes) -> None:
        while content and self.error is None:
            try:
                content = content[os.write(self._file, content) :]
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    self.error = error
                    return
                time.sleep(LOOK_AGAIN_SECONDS)


def _drain(pipe: int) -> None:
    """Leave a pipe to a process that ends with the last who talks: a closed one would kill them."""
    with suppress(OSError):
        os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", "exec cat"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, pipe, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )


def _bytes_in(pipe: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0])


def _is_closed(pipe: int) -> bool:
    """Whether nobody is left who could write to it."""
    looked = select.poll()
    looked.register(pipe, 0)
    return bool(looked.poll(0))
