"""How a job ended, in one line for people: in a failure message, in the task's log, in a list."""

from __future__ import annotations

from typing import Any

from edge_agent.protocol import EndReason


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
