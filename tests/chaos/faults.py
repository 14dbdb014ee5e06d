"""What happens to whom, and when: a schedule drawn from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.chaos.site import Site

AGENTS = ("agent-1", "agent-2", "agent-3")
SERVERS = ("api-server", "api-server-4")
SCHEDULERS = ("scheduler", "scheduler-5")

FAULTS: dict[str, tuple[tuple[str, ...], tuple[float, float], float]] = {
    # fault: whom it may meet, for how many seconds, and how often among others
    "crash": (AGENTS, (0.0, 3.0), 3),
    "upgrade": (AGENTS, (0.0, 1.0), 3),
    "handover": (AGENTS, (0.0, 0.1), 2),
    "freeze": (AGENTS, (2.0, 12.0), 2),
    "power off": (AGENTS, (1.0, 8.0), 1),
    "cut": (AGENTS, (1.0, 12.0), 3),
    "proxy page": (AGENTS, (1.0, 8.0), 1),
    "overloaded": (AGENTS, (1.0, 8.0), 1),
    "answers lost": (AGENTS, (1.0, 8.0), 2),
    "late requests": (AGENTS, (2.0, 8.0), 1),
    "slow line": (AGENTS, (3.0, 12.0), 1),
    "kill": ((*SERVERS, *SCHEDULERS, "triggerer"), (0.0, 4.0), 4),
    "all API servers away": (("every api-server",), (5.0, 20.0), 1),
    "database away": (("postgres",), (1.0, 4.0), 1),
}
ON_THE_LINE: dict[str, dict[str, Any]] = {
    # fault: what becomes of each call of the queue API meanwhile, as in tests/support/faults.py
    "proxy page": {"kind": "html"},
    "overloaded": {"kind": "status", "status": 429, "headers": {"Retry-After": "2"}},
    "answers lost": {"kind": "drop"},
    "late requests": {"kind": "held", "seconds": 3.0},
    "slow line": {"kind": "delay", "seconds": 0.7},
}
PAUSE_SECONDS = (1.0, 6.0)
REST_SECONDS = 20.0
"""No fault begins so shortly before the end: the last ones are to be seen, too."""


@dataclass(frozen=True)
class Fault:
    """One fault: what, to whom, from when to when (seconds since the begin)."""

    kind: str
    target: str
    begin: float
    end: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target} for {self.end - self.begin:.1f} s"

    def inflict(self, site: Site) -> None:
        """Let it happen."""
        if self.kind in ON_THE_LINE:
            site.spoil(self.target, **ON_THE_LINE[self.kind])
            return
        {
            "crash": site.crash,
            "upgrade": site.stop,
            "handover": site.hand_over,
            "freeze": site.freeze,
            "power off": site.power_off,
            "cut": site.cut,
            "kill": site.kill,
            "all API servers away": site.kill,
            "database away": site.kill,
        }[self.kind](self.target)

    def heal(self, site: Site) -> None:
        """Undo what can be undone."""
        if self.kind == "freeze":
            site.thaw(self.target)
        elif self.kind == "cut" or self.kind in ON_THE_LINE:
            site.mend(self.target)
        else:
            site.bring_back(self.target)


def schedule(seed: int, seconds: float) -> list[Fault]:
    """Draw the faults of a run. Nobody is met by two at the same time."""
    return sorted(_draw(random.Random(seed), seconds), key=lambda fault: fault.begin)


def _draw(chance: random.Random, seconds: float) -> Iterator[Fault]:
    kinds = list(FAULTS)
    weights = [FAULTS[kind][2] for kind in kinds]
    busy_until: dict[str, float] = {}
    now = 5.0
    while now < seconds - REST_SECONDS:
        kind = chance.choices(kinds, weights)[0]
        targets, (least, most), _ = FAULTS[kind]
        target = chance.choice(targets)
        fault = Fault(kind, target, now, now + chance.uniform(least, most))
        met = SERVERS if target == "every api-server" else (target,)
        if all(busy_until.get(each, 0) <= now for each in met):
            # What comes back needs a while before it can be met again, or it would never work.
            busy_until |= dict.fromkeys(met, fault.end + 12.0)
            yield fault
        now += chance.uniform(*PAUSE_SECONDS)
