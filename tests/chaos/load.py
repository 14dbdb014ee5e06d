"""The load: Dag runs of every kind, a steady number at a time; some are marked failed while they run."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from tests.support.airflow_rest import AirflowRest, DagRun

KINDS = {"short": 5, "long": 3, "tmux": 3, "deferrable": 3, "failing": 1, "unwanted": 1}
AT_ONCE = 12
UNWANTED_SECONDS = (4.0, 15.0)
AWAY = (httpx.TransportError, AssertionError)
"""A server that is away or answers 5xx: a user would try again, and so does the next turn."""


@dataclass
class Load:
    """Keeps runs going through one API server's REST API."""

    rest: AirflowRest
    seed: int
    _open: list[DagRun] = field(default_factory=list)
    _unwanted: list[tuple[float, DagRun]] = field(default_factory=list)
    triggered: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def turn(self, now: float) -> None:
        """Trigger what is missing, and mark failed what has run long enough."""
        with suppress(*AWAY):
            self._open = [run for run in self._open if run.state() in ("queued", "running")]
            while len(self._open) < AT_ONCE:
                self._trigger(now)
        with suppress(*AWAY):
            self.withdraw(now)

    def withdraw(self, now: float) -> None:
        """Mark failed what nobody wants any more.

        :raises AssertionError: when Airflow refuses, as it does while its database is away.
        """
        for due, run in list(self._unwanted):
            state = run.task("entry")["state"] if due <= now else None
            if state in ("queued", "running"):
                run.set_state("entry", "failed")
            if state in ("queued", "running", "failed"):
                self._unwanted.remove((due, run))

    @property
    def has_unwanted(self) -> bool:
        """Whether something still runs that was not marked failed yet."""
        return bool(self._unwanted)

    def _trigger(self, now: float) -> None:
        (kind,) = self._chance.choices(list(KINDS), list(KINDS.values()))
        run = self.rest.trigger(f"chaos_{kind}")
        self.triggered += 1
        self._open.append(run)
        if kind == "unwanted":
            self._unwanted.append((now + self._chance.uniform(*UNWANTED_SECONDS), run))
