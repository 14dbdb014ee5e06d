"""How much is measured: for the docs, or just enough to see that the harness works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of one run. Seconds are seconds."""

    name: str
    singles: int
    """Runs of one command, for each side."""
    crowd: int
    """Mapped tasks that are started at once."""
    lines: int
    """Lines of 100 bytes that one command writes."""
    waiting: int
    """Commands that the triggerer waits for at the same time."""
    window_seconds: float
    """How long the triggerer is watched."""
    settle_seconds: float
    """How long it is left alone before that, and a host before its memory is read."""


FULL = Plan(name="full", singles=6, crowd=50, lines=100_000, waiting=200, window_seconds=45.0, settle_seconds=12.0)
QUICK = Plan(name="quick", singles=1, crowd=4, lines=5_000, waiting=6, window_seconds=8.0, settle_seconds=6.0)
