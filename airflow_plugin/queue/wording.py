"""What stands in one line for people: how a job ended, how long something takes."""

from __future__ import annotations

from typing import Any

from edge_agent.protocol import EndReason
from edge_agent.protocol.lines import one_line

_UNITS = (("days", 86_400), ("h", 3600), ("min", 60))


def how_it_ended(job: Any) -> str:
    """Return where a job ran and how it ended. ``job``: a row with agent, reason, message, exit code, signal."""
    where = f"edge agent {job.agent_name!r}" if job.agent_name else "no edge agent"
    if job.ended_at is None:
        return where
    how = job.reason
    if job.reason == EndReason.EXIT and job.exit_code is not None:
        how = f"exit code {job.exit_code}"
    elif job.reason == EndReason.SIGNAL and job.signal is not None:
        how = f"signal {job.signal}"
    return f"{where}: {how}" + (f": {job.message}" if job.message else "")


def span(seconds: float) -> str:
    """Return a time in its largest whole unit: ``45 s``, ``3 min``, ``2 h``, ``5 days``. From two of it on."""
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def shortened(text: str, length: int) -> str:
    """Return a text as one line of at most that many characters."""
    line = one_line(text).strip()
    return line if len(line) <= length else line[: length - 1] + "\u2026"
