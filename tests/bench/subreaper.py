"""Run a program as the parent of all it leaves behind, the way a container's init does.

A process that was left by its parent becomes a child of this one and is reaped here, so that no CPU
second of a worker's family is lost: what has ended stands in our ``cutime``, what lives in its own.
A program of its own, on the standard library alone: ``python subreaper.py PROGRAM ARGUMENTS``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

PR_SET_CHILD_SUBREAPER = 36
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main(command: list[str]) -> int:
    """Run the command; return its exit code, or 128 and the signal that ended it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this kernel has no child subreapers")
    child = os.posix_spawnp(command[0], command, os.environ)

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
