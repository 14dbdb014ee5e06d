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
HEALTH = "/health"


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
