"""Paths and the version header: one place for both sides."""

from __future__ import annotations

from uuid import UUID

PROTOCOL_VERSION = 1
"""Grows when a message changes so that the version before could not read it."""

SUPPORTED_VERSIONS = frozenset({1})
"""What a server of this release speaks: the current version and, once there is one, the one before."""

VERSION_HEADER = "Edge-Agent-Protocol"
"""Travels both ways: what the agent speaks, and what the server answered in."""

REFUSED_HEADER = "Edge-Agent-Refused"
"""On an answer of Airflow's Execution API: the host's token does not allow this. No other token would help."""

MOUNT = "/edge_agent"
PREFIX = "/v1"
BASE = MOUNT + PREFIX

CONFIRM = "/assignments/confirm"
RENEW = "/assignments/renew"
REPORT = "/assignments/report"
COMMANDS = "/commands"
WATCH = "/commands/watch"
RIGHTS = "/commands/rights"
HEALTH = "/health"

LOG_NEXT_HEADER = "Edge-Agent-Log-Next"
"""On the bytes of a command's log: the offset to go on at."""

LOG_OVER_HEADER = "Edge-Agent-Log-Over"
"""On the bytes of a command's log: ``1`` when it has ended and nothing comes behind them, else ``0``."""

OUTPUT_BYTES_HEADER = "Edge-Agent-Output-Bytes"
"""On the end of an output: how many bytes that stream has in all."""

OUTPUT_WHOLE_HEADER = "Edge-Agent-Output-Whole"
"""On the end of an output: ``1`` when nothing of that stream was lost or cut off on its way, else ``0``."""


def session(agent: str) -> str:
    """POST registers, DELETE leaves."""
    return f"/agents/{agent}/session"


def check(agent: str) -> str:
    """POST: would this registration be taken? Changes nothing, ends no session."""
    return f"/agents/{agent}/check"


def heartbeat(agent: str) -> str:
    """POST: the periodic report."""
    return f"/agents/{agent}/heartbeat"


def poll(agent: str) -> str:
    """POST: the long poll for work."""
    return f"/agents/{agent}/poll"


def logs(assignment_id: UUID) -> str:
    """POST raw bytes with ``?offset=``."""
    return f"/assignments/{assignment_id}/logs"


def command(job_id: UUID) -> str:
    """GET: one command."""
    return f"{COMMANDS}/{job_id}"


def command_logs(job_id: UUID) -> str:
    """GET: the bytes of its log from ``?offset=`` on, at most ``&limit=``."""
    return f"{COMMANDS}/{job_id}/logs"


def command_output(job_id: UUID) -> str:
    """GET: the last bytes of ``?stream=``, at most ``&limit=``."""
    return f"{COMMANDS}/{job_id}/output"


def cancel_command(job_id: UUID) -> str:
    """POST: end it."""
    return f"{COMMANDS}/{job_id}/cancel"
