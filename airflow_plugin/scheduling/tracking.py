"""Which workloads an executor holds, and by which job: what its slots are counted by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from airflow_plugin.queue.jobs import Workload
    from airflow_plugin.scheduling.workloads import Key

PATIENCE_SECONDS = 30.0
"""A job is written with the scheduler's transaction, which may last. One not seen by then was rolled back."""


@dataclass(frozen=True)
class Held:
    """A workload in hand: its key, its job, and since when by this process's clock."""

    key: Key
    job_id: UUID
    workload: Workload
    since: float


class Tracker:
    """Keeps the executor's set of running keys true to the jobs behind them.

    A key is reused when a task is deferred or rescheduled: only its latest job may let go of it.
    """

    def __init__(self, running: set[Any], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._running = running
        self._monotonic = monotonic
        self._held: dict[Key, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, key: Key, job_id: UUID, workload: Workload) -> None:
        """Note that a job was queued or adopted."""
        self._held[key] = Held(key, job_id, workload, self._monotonic())
        self._running.add(key)

    def let_go(self, key: Key, job_id: UUID) -> None:
        """Note that a job ended. Does nothing when another job has the key by now."""
        held = self._held.get(key)
        if held is None or held.job_id == job_id:
            self._held.pop(key, None)
            self._running.discard(key)

    def has_other(self, key: Key, job_id: UUID) -> bool:
        """Whether a key is held by another job than this one."""
        held = self._held.get(key)
        return held is not None and held.job_id != job_id

    def next_to_check(self, count: int) -> list[Held]:
        """Return the next few whose jobs should be in the table by now; asked again, the ones after them."""
        for key in list(islice(self._held, count)):
            self._held[key] = self._held.pop(key)
        latest = islice(reversed(self._held.values()), count)
        patient = self._monotonic() - PATIENCE_SECONDS
        return [held for held in latest if held.since <= patient]

    def held(self) -> list[Held]:
        """Return everything in hand, oldest look first."""
        return list(self._held.values())
