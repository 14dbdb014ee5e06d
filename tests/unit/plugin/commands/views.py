"""Commands as the queue would tell of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView


def view(**values: Any) -> CommandView:
    """Return a command that runs, or whatever is said of it."""
    known: dict[str, Any] = {
        "id": uuid4(),
        "name": "1",
        "label": "a.b",
        "state": JobState.RUNNING,
        "queue": "q",
        "agent_name": "h1",
        "hostname": "h1.example",
        "log_bytes": 0,
        "queued_at": datetime.now(UTC),
    }
    return CommandView(**known | values)


def ended(exit_code: int = 0, **values: Any) -> CommandView:
    """Return a command that has ended by itself."""
    state = JobState.FAILED if exit_code else JobState.SUCCEEDED
    return view(**{"state": state, "reason": EndReason.EXIT, "exit_code": exit_code} | values)
