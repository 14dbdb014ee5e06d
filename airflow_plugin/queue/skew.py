"""What differs between a host and this Airflow, in sentences for people. Nothing is decided by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow import __version__ as airflow_version

from edge_agent import __version__
from edge_agent.protocol import PROTOCOL_VERSION

if TYPE_CHECKING:
    from airflow_plugin.models import AgentRow

CLOCK_SECONDS = 30.0
"""How far a host's clock may be off before anybody is told: less is the time that a beat was on its way."""


def skew(agent: AgentRow) -> Iterator[str]:
    """Say what differs."""
    versions = agent.versions
    if (theirs := versions.get("agent")) != __version__:
        yield f"agent {theirs}, this Airflow has {__version__}"
    if agent.protocol_version != PROTOCOL_VERSION:
        yield f"protocol {agent.protocol_version}, this Airflow speaks {PROTOCOL_VERSION}"
    if (theirs := versions.get("airflow")) not in {None, airflow_version}:
        yield f"Airflow {theirs} on the host, {airflow_version} here"
    ahead = _clock_ahead_seconds(agent)
    if abs(ahead) >= CLOCK_SECONDS:
        yield f"its clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"


def _clock_ahead_seconds(agent: AgentRow) -> float:
    """Return how far a host's clock was ahead of the database's when it was last heard."""
    said = (agent.health or {}).get("clock")
    if said is None or not agent.beat:  # what a session before this one said is of another time
        return 0.0
    theirs = datetime.fromisoformat(said)
    return ((theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - agent.last_seen_at).total_seconds()
