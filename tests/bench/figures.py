"""Numbers on their way to the table: percentiles, and one line for each thing that was compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, between the two nearest values where it falls between them."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


@dataclass(frozen=True)
class Line:
    """One line of the table. ``bar`` is what the design asks for, ``met`` whether it is so.

    ``edge3`` and ``ours`` are numbers in ``unit``, None where there is nothing to compare with.
    ``better``: whether less is better or more.
    """

    what: str
    unit: str
    ours: float | None
    edge3: float | None = None
    edge3_1s: float | None = None
    less_is_better: bool = True
    bar: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than edge3 with its defaults; below 1 it is worse."""
        if not self.ours or not self.edge3:
            return None
        return self.edge3 / self.ours if self.less_is_better else self.ours / self.edge3

    def verdict(self) -> str:
        """Return whether the bar is met, in words."""
        return "" if self.met is None else "met" if self.met else "**not met**"


@dataclass
class Section:
    """What one measurement brought: its lines, what to say about how, and raw series for the plot."""

    key: str
    title: str
    method: str
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=dict)


def shown(value: float | None) -> str:
    """Return a number with as many digits as mean something."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"
