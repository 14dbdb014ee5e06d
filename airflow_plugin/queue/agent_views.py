"""Agents as people look at them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from sqlalchemy import case, func, select

from airflow_plugin.errors import NotFound
from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import agent_health
from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.skew import skew
from edge_agent.protocol import AgentState, JobKind, JobState

if TYPE_CHECKING:
    from sqlalchemy import Row, Select, Subquery
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

KIND = "kind."
"""What the capability of taking a kind of job begins with."""


class AgentView(BaseModel):
    """An agent as an admin sees it."""

    name: str
    state: AgentState
    health_status: HealthStatus
    missed: int = Field(description="Heartbeats missed by now.")
    heartbeat_seconds: float = Field(description="Between two heartbeats, as it is in force.")
    missed_heartbeats: int = Field(description="How many in a row it may miss, as it is in force.")
    team_name: str | None
    hostname: str
    address: str | None
    host_key: str
    re_enrol_until: datetime | None
    host_conflicts: int
    host_conflict_at: datetime | None
    host_conflict_hostname: str | None
    host_conflict_address: str | None
    queues: list[str] = Field(description="Those in force.")
    own_queues: list[str] = Field(description="As it is configured on the host.")
    queues_overridden: bool
    slots: int = Field(description="Those in force.")
    own_slots: int = Field(description="As it is configured on the host.")
    slots_overridden: bool
    used_slots: int = Field(description="By what it is offered and what runs.")
    offered: int
    running: int
    kinds: list[JobKind]
    capabilities: dict[str, Any]
    versions: dict[str, Any]
    protocol_version: int
    skew: list[str] = Field(description="What differs between the host and this Airflow, in sentences.")
    health: dict[str, Any] | None = Field(description="How the host feels, as it said itself.")
    registered_at: datetime
    last_seen_at: datetime
    cordoned_at: datetime | None
    cordoned_by: str | None
    cordon_reason: str | None
    cordon_expires_at: datetime | None
    drain_requested_at: datetime | None
    drain_deadline: datetime | None
    stops_at: datetime | None = Field(description="When what still runs on it is ended, because it is to stop.")
    token_name: str | None


def agents(session: Session, config: QueueConfig) -> list[AgentView]:
    """Return every agent, by name."""
    return views(session.execute(rows(config).order_by(AgentRow.name)))


def agent(session: Session, config: QueueConfig, name: str) -> AgentView:
    """Return one agent.

    :raises NotFound: when there is none of that name.
    """
    found = views(session.execute(rows(config).where(AgentRow.name == name)))
    if not found:
        msg = f"there is no agent named {name!r}"
        raise NotFound(msg)
    return found[0]


HANDS = (
    select(
        JobRow.agent_name,
        func.sum(JobRow.slots).label("slots"),
        func.count().label("jobs"),
        func.sum(case((JobRow.state == JobState.RUNNING, 1), else_=0)).label("running"),
    )
    .where(JobRow.state.in_([JobState.OFFERED, JobState.RUNNING]))
    .group_by(JobRow.agent_name)
)


def in_hand() -> Subquery:
    """Return what each agent has in hand: ``slots``, ``jobs`` and, of these, ``running``."""
    return HANDS.subquery("in_hand")


def used(session: Session) -> dict[str, tuple[int, int]]:
    """Return slots in use and jobs in hand, by agent."""
    return {row.agent_name or "": (row.slots, row.jobs) for row in session.execute(HANDS)}


def rows(config: QueueConfig, hand: Subquery | None = None) -> Select[*tuple[Any, ...]]:
    """Return the statement whose rows :func:`views` takes; the caller adds which, and in what order."""
    hand = in_hand() if hand is None else hand
    return (
        select(
            AgentRow,
            TokenRow.name.label("token_name"),
            func.coalesce(hand.c.slots, 0).label("used_slots"),
            func.coalesce(hand.c.running, 0).label("running"),
            func.coalesce(hand.c.jobs - hand.c.running, 0).label("offered"),
            agent_health.status(config).label("health_status"),
            agent_health.silent_seconds().label("silent_seconds"),
            agent_health.interval(config).label("heartbeat_seconds"),
            agent_health.patience(config).label("missed_heartbeats"),
        )
        .outerjoin(TokenRow, TokenRow.id == AgentRow.token_id)
        .outerjoin(hand, hand.c.agent_name == AgentRow.name)
    )


_JOINED = ("token_name", "used_slots", "running", "offered", "health_status", "heartbeat_seconds", "missed_heartbeats")


def views(found: Iterable[Row[Any]]) -> list[AgentView]:
    """Return rows of :func:`rows` as people see them."""
    return [_view(row) for row in found]


def _view(row: Row[Any]) -> AgentView:
    agent: AgentRow = row.AgentRow
    same = {name: getattr(agent, name) for name in AgentView.model_fields if hasattr(agent, name)}
    joined = {name: getattr(row, name) for name in _JOINED}
    health = HealthStatus(row.health_status)
    return AgentView(
        **same
        | joined
        | {
            "missed": agent_health.missed(health, row.silent_seconds, row.heartbeat_seconds),
            "queues": agent.queues_override or agent.queues,
            "own_queues": agent.queues,
            "queues_overridden": bool(agent.queues_override),
            "slots": agent.slots_override or agent.slots,
            "own_slots": agent.slots,
            "slots_overridden": agent.slots_override is not None,
            "kinds": [kind for kind in JobKind if agent.capabilities.get(KIND + kind)],
            "skew": list(skew(agent)),
        }
    )
