"""End what a test run started, also when the run itself is killed.

Every process of a test run has to carry a mark that it cannot lose: an environment is overwritten by
whoever sets a process title, a session is left with one call, a parent dies. A resource limit is
inherited over all of that. So a mark is an odd soft limit on something that nothing here comes near:
the run's is on POSIX message queues, a program's within the run on pending signals.

Run as a program, this module waits until its standard input ends, which happens however the test run
ends, kills what is left and removes the folders of the run. It needs nothing but the standard library: it starts
with ``-I -S``.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path


class Mark(Enum):
    """What a mark is for; its value is the limit, and how the kernel names it."""

    RUN = (resource.RLIMIT_MSGQUEUE, b"Max msgqueue size")
    PROGRAM = (resource.RLIMIT_SIGPENDING, b"Max pending signals")


def new(kind: Mark) -> int:
    """Return a mark that, in all likelihood, nobody else has."""
    _, hard = resource.getrlimit(kind.value[0])
    most = hard if hard != resource.RLIM_INFINITY else 2**31
    return random.SystemRandom().randrange(most // 2, most)


def apply(kind: Mark, value: int) -> None:
    """Mark this process, and with it all that it will start."""
    limit = kind.value[0]
    resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


@contextmanager
def applied(kind: Mark, value: int) -> Iterator[None]:
    """Mark what is started inside."""
    before, _ = resource.getrlimit(kind.value[0])
    apply(kind, value)
    try:
        yield
    finally:
        apply(kind, before)


def marked(kind: Mark, value: int) -> set[int]:
    """Return the pids of all living processes that carry the mark."""
    found = (path for path in Path("/proc").iterdir() if path.name.isdigit() and _has(path, kind, value))
    return {int(path.name) for path in found}


def kill_marked(kind: Mark, value: int, *, spare: frozenset[int] = frozenset()) -> None:
    """SIGKILL them, again and again until nothing new was started in between.

    All are stopped first: what is killed last would see the others go, and might write that down, which nothing does
    when the power fails.
    """
    while pids := marked(kind, value) - spare:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


def _has(path: Path, kind: Mark, value: int) -> bool:
    try:
        limits = (path / "limits").read_bytes()
        ended = (path / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):  # Gone by now.
        return False
    name = kind.value[1]
    soft = next((line[len(name) :].split()[0] for line in limits.splitlines() if line.startswith(name)), b"")
    return soft == str(value).encode() and not ended


if __name__ == "__main__":
    run = os.getppid()
    sys.stdin.buffer.read()
    kill_marked(Mark.RUN, int(sys.argv[1]), spare=frozenset({run, os.getpid()}))
    for folder in sys.argv[2:]:
        shutil.rmtree(folder, ignore_errors=True)
