"""How much of logs a triggerer's process may hand on.

Airflow's triggerer reads what its triggers log 4096 bytes at a time, once in each round of its other duties, and a
trigger that writes faster holds up all of them: on a busy machine it was measured to read 35 kB a second. What is not
allowed is logged by a worker, at the latest when the command has ended.
"""

from __future__ import annotations

BYTES_PER_SECOND = 16_384.0
BURST_BYTES = 65_536.0
"""A third of what the kernel keeps for a reader that is busy."""

EVENT_BYTES = 400
"""What an event costs beside its lines: when, where and of which task, as JSON."""

PIECE_BYTES = 4096
"""Most of a log that is read at once, and becomes one event."""

BLOCKED_SECONDS = 0.05
REST = 20
"""Whoever was held up while it logged leaves the reader alone for so many times as long."""


class SharedAllowance:
    """A budget that refills with time. One for all triggers of a process."""

    def __init__(self) -> None:
        self._balance = BURST_BYTES
        self._filled: float | None = None

    def allowed(self, now: float) -> int:
        """Return how many bytes of a log may be handed on now; 0: none, ask again in a second."""
        if self._filled is not None:
            self._balance = min(BURST_BYTES, self._balance + (now - self._filled) * BYTES_PER_SECOND)
        self._filled = now
        return PIECE_BYTES if self._balance > 0 else 0

    def spend(self, size: int, seconds: float) -> None:
        """Note what was handed on at once, and how long that took."""
        self._balance -= size + EVENT_BYTES
        if seconds > BLOCKED_SECONDS:
            self._balance = min(self._balance, 0.0) - seconds * REST * BYTES_PER_SECOND


OF_THIS_PROCESS = SharedAllowance()
