"""See to it that nothing a program starts outlives it, however it ends.

The work is done in a child process; this process is its keeper. Linux gives a keeper every orphan below
it, so that what the work starts can be found and ended wherever it moved: to another process group, to a
session of its own, to init.

What if one of the two is killed? The keeper ends what the work left. Without a keeper the work is told
to stop, and then ends what it started itself, because it adopts orphans too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import psutil

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Stopped(BaseException):
    """Somebody wants the work to end. Not an error, so that nothing catches it by accident."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def keep(work: Callable[[], int]) -> int:
    """Do ``work`` in a child; return its exit code when nothing is left of what it started.

    SIGINT, SIGTERM and SIGHUP raise :class:`Stopped` in the work, each time one comes: the second cuts
    short what the work does to end in order. Only to be called from a process with one thread.
    """
    _adopt_orphans()
    keeper = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        _work(keeper, work)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    # Looked at before it is reaped: until then its pid is nobody else's, and may be signalled.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    end_descendants()
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def end_descendants() -> None:
    """SIGKILL everything below this process, and return when all of it is gone."""
    this = psutil.Process()
    while left := this.children(recursive=True):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # One of them is a child of this process, and every orphan becomes one.
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _work(keeper: int, work: Callable[[], int]) -> NoReturn:
    code = 1
    try:
        # A terminal's Ctrl-C then reaches the keeper alone, which passes it on: once.
        os.setsid()
        _adopt_orphans()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in PASSED_ON:
            signal.signal(number, _stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        code = work() if os.getppid() == keeper else code
    except Stopped as stopped:
        code = stopped.exit_code
    except Exception:  # noqa: BLE001  the outer edge of this process
        traceback.print_exc()
    finally:
        for number in PASSED_ON:
            signal.signal(number, signal.SIG_IGN)
        end_descendants()
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _adopt_orphans() -> None:
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
