"""The duty that measures: how the queue and its agents stand, handed to Airflow's metrics every now and then.

Each process says how many polls it holds. The rest is the same whoever looks, and one process at a time says it.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_plugin import meters
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import census, duty
from edge_agent.protocol import metrics
from edge_agent.protocol.metrics import sent_figures

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.api.watcher import Watcher
    from airflow_plugin.config import QueueConfig
    from airflow_plugin.queue.census import Census

DUTY = "measure"
KEEPS = 2.5
"""Of the time between two measurings: how long the duty is kept. One that comes late keeps it."""


class Measuring:
    """Measures for one API server process."""

    def __init__(self, config: QueueConfig, watcher: Watcher) -> None:
        self._config = config
        self._watcher = watcher
        self._me = uuid4()
        self._server = f"{socket.gethostname()}-{os.getpid()}"
        self._known: set[str] = set()

    async def run_once(self) -> None:
        """Measure once, and say it."""
        meters.gauge(metrics.POLLS_HELD, self._watcher.held, self._server)
        if (counted := await transact(self._count)) is not None:
            self.say(counted)

    def _count(self, session: Session) -> Census | None:
        if not duty.take(session, DUTY, self._me, seconds=KEEPS * self._config.metrics_seconds):
            return None
        return census.take(session, self._config)

    def say(self, counted: Census) -> None:
        """Hand on what was counted."""
        for health, number in counted.agents.items():
            meters.gauge(metrics.AGENTS, number, health)
        jobs: dict[tuple[str, str], float] = {}
        for (queue, where), number in counted.jobs.items():
            key = meters.queue_label(queue), where.value
            jobs[key] = jobs.get(key, 0) + number
        oldest: dict[str, float] = {}
        for queue, seconds in counted.oldest_seconds.items():
            label = meters.queue_label(queue)
            oldest[label] = max(oldest.get(label, 0.0), seconds)
        # What was said once stands until something else is said: a queue that is empty by now is told to be.
        self._known |= {queue for queue, _ in jobs}
        for queue in self._known:
            meters.gauge(metrics.QUEUE_AGE, oldest.get(queue, 0.0), queue)
            for state in metrics.JOBS.labels[1].values or ():
                meters.gauge(metrics.JOBS, jobs.get((queue, state), 0), queue, state)
        self._say_figures(counted)

    @staticmethod
    def _say_figures(counted: Census) -> None:
        known = sent_figures()
        for agent, figures in counted.figures.items():
            for key, value in figures.items():
                if found := known.get(key):
                    stat, tags = found
                    meters.figure(stat, value, {"agent": agent, **tags})
