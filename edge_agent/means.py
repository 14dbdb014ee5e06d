"""What an assignment is given by its agent, so that neither has to know the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from edge_agent.attempt_dir import AttemptDir
from edge_agent.counts import Counts
from edge_agent.ended_jobs import EndedJobs
from edge_agent.policy.admission import Admission
from edge_agent.protocol import Ending, JobKind, LogAck, LogKept, Offer, Refused, RunnerName
from edge_agent.runners.base import Runner
from edge_agent.task_logs import TaskLogs


class Spawn(Protocol):
    """Starts a task whose failure ends the agent. Its work is found again by the next start."""

    def __call__(self, work: Coroutine[Any, Any, None], /) -> asyncio.Task[None]:
        """Start it."""
        ...


class Dispose(Protocol):
    """Removes the attempt directory of a job that the server needs no more, or keeps it."""

    def __call__(self, attempt: AttemptDir, /, *, failed: bool) -> None:
        """Remove or keep it."""
        ...


@dataclass(frozen=True)
class Means:
    """What an assignment needs of its agent."""

    admit: Callable[[Offer, dict[str, Any]], Admission]
    """Raises :class:`CannotStart` when the policy of this host refuses the job."""
    runner_for: Callable[[JobKind, RunnerName], Runner]
    """Raises :class:`CannotStart` when this agent has no such runner."""
    send_log: Callable[[UUID, int, bytes, LogKept | None], Awaitable[LogAck]]
    log_chunk_bytes: Callable[[], int]
    report: Callable[[Ending], Awaitable[Refused | None]]
    task_logs: TaskLogs
    dispose: Dispose
    ended: EndedJobs
    cancel_grace_seconds: float
    spawn: Spawn
    changed: Callable[[], None]
    """Called whenever the stage changes: slots may be free."""
    default_runner: RunnerName = RunnerName.LOCAL
    """For jobs that name none."""
    counts: Counts = field(default_factory=Counts)
