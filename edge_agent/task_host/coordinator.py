"""Runs a Python task exactly as Airflow would, and notices its end at once.

Airflow's supervisor waits for its task's sockets. The last of them closes a moment before the task can
be reaped; whoever looks in that moment sees a living task without sockets, and sleeps a whole heartbeat
interval (5 s). With a warm, fast supervisor nearly every task was seen to lose that race. Watching the
task's pidfd beside its sockets ends the wait when the task ends.

Installed through ``[sdk] coordinators``, Airflow's own way to have tasks run differently.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk.execution_time.coordinator import BaseCoordinator
from airflow.sdk.execution_time.supervisor import ActivitySubprocess
from typing_extensions import override

NAME = "edge-agent"
CLASSPATH = f"{__name__}.PromptCoordinator"


class PromptCoordinator(BaseCoordinator):
    """The default coordinator, without the wait at the end."""

    @override
    def execute_task(self, *, subprocess_logs_to_stdout: bool = False, **task: Any) -> BaseCoordinator.ExecutionResult:
        """Run one task to its end."""
        process = ActivitySubprocess.start(subprocess_logs_to_stdout=subprocess_logs_to_stdout, **task)
        with _woken_by_its_end(process):
            exit_code = process.wait()
        return self.ExecutionResult(exit_code, process.final_state)


class _PidFd:
    """A pidfd as something a selector takes and its user closes."""

    def __init__(self, pid: int) -> None:
        self._handle: int | None = os.pidfd_open(pid)

    def fileno(self) -> int:
        return -1 if self._handle is None else self._handle

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def _woken_by_its_end(process: ActivitySubprocess) -> Iterator[None]:
    try:
        ended = _PidFd(process.pid)
    except (AttributeError, OSError):  # Not Linux, or no handle to be had: then as slow as Airflow.
        yield
        return
    # The supervisor calls the first when it is readable, and the second when that answers False.
    handlers = (lambda _: False, process.selector.unregister)
    process.selector.register(ended, selectors.EVENT_READ, handlers)
    try:
        yield
    finally:
        ended.close()
