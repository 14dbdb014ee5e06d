"""What this agent counts of itself, in plain numbers: cheap enough to be done whether or not anybody asks.

Everything is counted in the event loop; nothing here is for threads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.protocol.metrics import BUCKETS, Metric

Values = tuple[str, ...]
"""Of a metric's labels, in their order."""


@dataclass
class Spread:
    """One histogram: how many were at most as large as each bucket, and behind the last, all others."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.buckets)

    def add(self, value: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BUCKETS, value)] += 1
        self.total += value


class Counts:
    """Counters and histograms since this process began."""

    def __init__(self) -> None:
        self._counters: dict[Metric, dict[Values, float]] = {}
        self._spreads: dict[Metric, dict[Values, Spread]] = {}

    def add(self, metric: Metric, *values: str, by: float = 1) -> None:
        """Count one, or ``by``. ``values``: of the metric's labels, in their order."""
        of = self._counters.setdefault(metric, {})
        of[values] = of.get(values, 0) + by

    def took(self, metric: Metric, seconds: float, *values: str) -> None:
        """Note how long something took."""
        self._spreads.setdefault(metric, {}).setdefault(values, Spread()).add(seconds)

    def counted(self, metric: Metric) -> Mapping[Values, float]:
        """Return a counter by the values of its labels; one without labels begins at 0."""
        return self._counters.get(metric) or ({} if metric.labels else {(): 0})

    def spreads(self, metric: Metric) -> Mapping[Values, Spread]:
        """Return a histogram by the values of its labels."""
        return self._spreads.get(metric, {})
