"""What is said in several places in the same words: how a job ended, how long something is."""

from __future__ import annotations

from typing import Any

from edge_agent.protocol import EndReason
from edge_agent.protocol.lines import one_line

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def how_long(seconds: float) -> str:
    """Return a time in its largest two units: ``45 s``, ``1 h 30 min``, ``7 d``."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    left, words = round(seconds), []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2])


def so_many(number: int, noun: str) -> str:
    """Return ``1 job``, ``2 jobs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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


def shortened(text: str, length: int) -> str:
    """Return a text as one line of at most that many characters."""
    line = one_line(text).strip()
    return line if len(line) <= length else line[: length - 1] + "\u2026"
