"""Numbers of all sides beside each other, where ours is worse, and whether a reason stands beside that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from tests.bench.commands.sides import DEFERRED, SIDES, WORKER, Family, Side
from tests.bench.figures import percentile

TOLERANCE = 1.1
"""So many times worse than another side needs no reason: runs differ by as much."""
OURS = (DEFERRED, WORKER)
Reasons = Mapping[tuple[str, Family], str]
"""Why ours is worse in a row than a side of that family, by the row's key."""


@dataclass(frozen=True)
class Row:
    """One row of the table. ``values``: a number for each side that has one, by its key.

    ``tails``: the 99th percentiles of those that were measured more than once. ``judged``: False only tells.
    """

    key: str
    what: str
    unit: str
    values: Mapping[str, float]
    tails: Mapping[str, float] = field(default_factory=dict)
    less_is_better: bool = True
    judged: bool = True

    @classmethod
    def of_samples(cls, key: str, what: str, unit: str, samples: Mapping[str, Sequence[float]]) -> Row:
        """Make a row of medians and 99th percentiles."""
        medians = {side: percentile(values, 50) for side, values in samples.items()}
        tails = {side: percentile(values, 99) for side, values in samples.items()}
        return cls(key, what, unit, medians, tails)

    def better(self, ours: str, other: str) -> float | None:
        """Return how many times better ours is than another side; below 1 it is worse. None: not to be said."""
        mine, theirs = self.values.get(ours), self.values.get(other)
        if mine is None or theirs is None:
            return None
        above, below = (theirs, mine) if self.less_is_better else (mine, theirs)
        return above / below if below else None


@dataclass(frozen=True)
class Worse:
    """A place where ours is worse than another side, and why (None: nobody has said)."""

    row: Row
    ours: Side
    other: Side
    times: float
    reason: str | None


def worse(rows: Iterable[Row], reasons: Reasons) -> list[Worse]:
    """Return every place where one of ours is worse by more than the tolerance."""
    found = []
    for row in rows:
        for ours in OURS:
            for other in SIDES:
                better = row.better(ours.key, other.key)
                if row.judged and other.family is not Family.OURS and better is not None and better * TOLERANCE < 1:
                    times = 1 / better if better else inf
                    found.append(Worse(row, ours, other, times, reasons.get((row.key, other.family))))
    return found


@dataclass
class Section:
    """What one measurement brought: its rows, and how they came about."""

    key: str
    title: str
    method: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)
    """What the picture shows of it, by side."""
