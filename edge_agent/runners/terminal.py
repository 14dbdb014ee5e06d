"""The terminal a job has in a tmux session: whoever attaches sees what goes to its file, and may type.

The file is the record, the terminal a window on it: the job never writes to the terminal, so that a
terminal nobody reads, or that is gone, neither stops it nor costs it a byte.
"""

from __future__ import annotations

import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_agent.attempt_dir import AttemptDir

LOOK_SECONDS = 0.2
"""How often the file is looked at for more to show."""

MOST_SHOWN_BYTES = 65_536
"""How far the terminal may be behind: more than fits on it at once. The rest is skipped, and said so."""

SKIPPED = b"\n[... %d bytes not shown here; all of it is in the job's log]\n"

FAREWELL_SECONDS = 1.0
"""How long a terminal that takes nothing more may hold up the end of its job."""

STDIN = 0

Plain = Callable[[bytes], bytes]


def has_terminal() -> bool:
    """Whether this process was started in a terminal: it is on its standard input, where tmux puts it."""
    return os.isatty(STDIN)


def take_environment(attempt: AttemptDir) -> None:
    """Take the environment the agent meant for this process; tmux, which started it, knows another one."""
    environment = attempt.read("env.json")
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
        (attempt.path / "env.json").unlink()


def make_ready() -> None:
    """Make the terminal one that a command can be started in, and this process one that stays behind it."""
    # Ctrl-Z would stop it for ever: there is no shell to bring it back.
    with suppress(termios.error):
        settings = termios.tcgetattr(STDIN)
        settings[6][termios.VSUSP] = b"\0"
        termios.tcsetattr(STDIN, termios.TCSANOW, settings)
    # In the background, where we are from now on, writing to the terminal could stop us.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)


def take() -> None:
    """Take, between fork and exec, what is typed and Ctrl-C: later, the command may have read too early."""
    with suppress(OSError):  # It is gone; we are hung up in a moment.
        os.tcsetpgrp(STDIN, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def take_back() -> None:
    """Let what a command has left running on purpose go on: the end of a session hangs up its foreground."""
    with suppress(OSError):
        os.tcsetpgrp(STDIN, os.getpgrp())


@contextmanager
def shown(file: Path, *, is_woven: bool = False) -> Iterator[None]:
    """Show on the terminal what a file holds and what comes, from a thread, until the end of the block.

    ``is_woven``: it holds two streams, see :mod:`edge_agent.protocol.streams`; the terminal, what they say.
    """
    over = threading.Event()
    viewer = threading.Thread(
        target=_follow_undisturbed, args=(file, over.wait, _plain(is_woven=is_woven)), daemon=True
    )
    viewer.start()
    try:
        yield
    finally:
        over.set()
        viewer.join(FAREWELL_SECONDS)


def _plain(*, is_woven: bool) -> Plain:
    if not is_woven:
        return bytes
    # Imported here, as in the wrapper.
    from edge_agent.protocol.streams import Unweaver

    return Unweaver().plain


def _follow_undisturbed(file: Path, is_over: Callable[[float], bool], plain: Plain) -> None:
    # A signal that this thread took would wait for the end of what the main thread waits for.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    follow(file, is_over, plain)


def follow(file: Path, is_over: Callable[[float], bool], plain: Plain = bytes) -> None:
    """Write to the terminal what a file holds and what comes, until it is over or the terminal is gone.

    ``is_over``: waits up to so many seconds and answers whether that was the end. ``plain``: makes of the file's
    bytes, piece by piece, what is shown.
    """
    offset = 0
    with suppress(OSError):
        while True:
            is_last_look = is_over(LOOK_SECONDS)
            offset = _show_from(offset, file, plain)
            if is_last_look:
                return


def _show_from(offset: int, file: Path, plain: Plain) -> int:
    """Show what is behind an offset; return the next one."""
    try:
        with file.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            if size < offset:  # It was cut; begin again.
                offset = 0
            if (skipped := size - offset - MOST_SHOWN_BYTES) > 0:
                _write(SKIPPED % skipped)
                offset += skipped
            content.seek(offset)
            shown_bytes = content.read(size - offset)
    except FileNotFoundError:
        return offset
    _write(plain(shown_bytes))
    return offset + len(shown_bytes)


def _write(content: bytes) -> None:
    while content:
        content = content[os.write(STDIN, content) :]
