"""Whether an agent is heard from as often as it should be, judged by the database's clock."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import case, func, literal

from airflow_plugin import clock
from airflow_plugin.models import AgentRow
from edge_agent.protocol import AgentState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from airflow_plugin.config import QueueConfig

SLACK = 0.25
"""Of an interval: an agent that is well beats up to 1.15 intervals after the beat before, and its way takes time."""


class HealthStatus(StrEnum):
    """Whether an agent is there, for people."""

    HEALTHY = "healthy"
    """Heard from in time."""

    LATE = "late"
    """A heartbeat is overdue; what it holds is still its own."""

    LOST = "lost"
    """Overdue for so long that its work was taken from it."""

    OFFLINE = "offline"
    """Left in order."""


def interval(config: QueueConfig) -> ColumnElement[float]:
    """Return the seconds between two heartbeats of an agent, its own or the configured ones."""
    return func.coalesce(AgentRow.heartbeat_seconds, config.heartbeat_seconds)


def patience(config: QueueConfig) -> ColumnElement[int]:
    """Return how many heartbeats in a row an agent may miss, its own number or the configured one."""
    return func.coalesce(AgentRow.missed_heartbeats, config.missed_heartbeats)


def silent_seconds() -> ColumnElement[float]:
    """Return for how long an agent was not heard from."""
    return clock.seconds_since(AgentRow.last_seen_at)


def status(config: QueueConfig) -> ColumnElement[str]:
    """Return the :class:`HealthStatus` of an agent."""
    in_time = silent_seconds() < interval(config) * literal(1 + SLACK)
    return case(
        (AgentRow.state == AgentState.LOST, HealthStatus.LOST.value),
        (AgentRow.state == AgentState.OFFLINE, HealthStatus.OFFLINE.value),
        (in_time, HealthStatus.HEALTHY.value),
        else_=HealthStatus.LATE.value,
    )


def missed(health: HealthStatus, silent: float, interval_seconds: float) -> int:
    """Return how many heartbeats an agent has missed by now; of one that has left, none."""
    if health in {HealthStatus.HEALTHY, HealthStatus.OFFLINE}:
        return 0
    slack = SLACK if health is HealthStatus.LATE else 0.0
    return max(1, int(silent / interval_seconds - slack))
