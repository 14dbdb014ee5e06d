"""A reaper whose clocks a test moves on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue.reaper import Reaped, Reaper
from tests.support.queue_bed import Agent, QueueBed

SILENCE = 30.0
"""Seconds after which an agent is lost by default: three heartbeats of ten."""


@dataclass
class Times:
    """This host's clock and, through the age of the tables, the database's: they go on together."""

    queue: QueueBed
    monotonic: float = 1000.0

    def __call__(self) -> float:
        return self.monotonic

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.monotonic += seconds
        self.queue.database.pass_time(seconds)


class Watched:
    """One reaper, and the times it goes by."""

    def __init__(self, queue: QueueBed, config: QueueConfig | None = None) -> None:
        self.queue = queue
        self.times = Times(queue)
        self.reaper = Reaper(config or QueueConfig(), self.times)

    def run(self) -> Reaped:
        """Run once, now."""
        with self.queue.database.transaction() as session:
            return self.reaper.run_once(session)

    def run_for(self, seconds: float, meanwhile: Callable[[], Any] = lambda: None, every: float = 2) -> list[Reaped]:
        """Run every so many seconds; return all that was done."""
        done = []
        for _ in range(int(seconds / every)):
            self.times.go_on(every)
            meanwhile()
            done.append(self.run())
        return [each for each in done if each.anything]


def beats(queue: QueueBed, *those: Agent) -> Callable[[], Any]:
    """Return a function that lets each of these agents beat once."""
    numbers = iter(range(1, 10_000))
    return lambda: [queue.beat(agent, next(numbers)) for agent in those]
