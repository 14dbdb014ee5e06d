"""Runs a Python task exactly as Airflow would, and notices its end at once.

Airflow's supervisor waits for its task's sockets. The last of them closes a moment before the task can
be reaped; whoever looks in that moment sees a living task without sockets, and sleeps a whole heartbeat
interval (5 s). With a warm, fast supervisor nearly every task was seen to lose that race. Watching the
task's pidfd beside its sockets ends the wait when the task ends.

Between the fork and the first line of a Dag the task gives up what the policy of its host says: another
user than the agent's, limits. The supervisor keeps both, as the log and the token are in its hands.

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
from airflow.sdk.execution_time.task_runner import main
from typing_extensions import override

from edge_agent.policy import limits
from edge_agent.runners.account import Account
from edge_agent.runners.identity import become

NAME = "edge-agent"
CLASSPATH = f"{__name__}.PromptCoordinator"


UMASK = 0o022


class PromptCoordinator(BaseCoordinator):
    """The default coordinator, without the wait at the end.

    ``run_as_user``: whom the task becomes; None: nobody else. ``limits``: what its processes may use.
    """

    def __init__(self, run_as_user: str | None = None, limits: dict[str, int] | None = None) -> None:
        self._run_as_user = run_as_user
        self._limits = limits or {}

    @override
    def execute_task(self, *, subprocess_logs_to_stdout: bool = False, **task: Any) -> BaseCoordinator.ExecutionResult:
        """Run one task to its end."""
        process = ActivitySubprocess.start(
            target=self._begin, subprocess_logs_to_stdout=subprocess_logs_to_stdout, **task
        )
        with _woken_by_its_end(process):
            exit_code = process.wait()
        return self.ExecutionResult(exit_code, process.final_state)

    def _begin(self) -> None:
        """Live as the task, in the forked process. Nothing of the Dag has been read."""
        if self._run_as_user is not None:
            become(Account.of(self._run_as_user), umask=UMASK)
        limits.apply(self._limits)
        main()


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
