"""How much is measured: in full for the docs, or just enough to see that the harness works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of one run. Seconds are seconds."""

    name: str
    singles: int
    """Tasks triggered one after another, for each variant."""
    mapped: int
    """Mapped tasks in one run of the throughput Dag."""
    mapped_rounds: int
    slots: int
    """Concurrency of every worker and agent."""
    log_lines: int
    cycle_rows: int
    """Jobs that wait when the clients of the protocol measurement begin."""
    cycle_seconds: float
    """After that a protocol measurement is cut off; what it did by then counts."""
    crowd_seconds: float
    """The same for crowds of agents, which hold many jobs at any moment."""
    crowds: tuple[int, ...]
    """Numbers of agents that poll at once, to see whether speed falls with their number."""
    idle_agents: int
    idle_seconds: float
    sync_rows: tuple[int, ...]
    sync_calls: int


FULL = Plan(
    name="full",
    singles=30,
    mapped=200,
    mapped_rounds=2,
    slots=16,
    log_lines=40,
    cycle_rows=5_000,
    cycle_seconds=15.0,
    crowd_seconds=30.0,
    crowds=(8, 100, 500),
    idle_agents=20,
    idle_seconds=60.0,
    sync_rows=(100, 2_000, 10_000),
    sync_calls=15,
)

QUICK = Plan(
    name="quick",
    singles=3,
    mapped=20,
    mapped_rounds=1,
    slots=16,
    log_lines=8,
    cycle_rows=300,
    cycle_seconds=3.0,
    crowd_seconds=6.0,
    crowds=(8, 40),
    idle_agents=4,
    idle_seconds=12.0,
    sync_rows=(100, 500),
    sync_calls=5,
)
