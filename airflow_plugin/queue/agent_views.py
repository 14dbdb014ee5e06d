"""Agents as people look at them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import func, select

from airflow_plugin.models import AgentRow, JobRow, TokenRow
from edge_agent.protocol import AgentState, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class AgentView(BaseModel):
    """An agent as an admin sees it."""

    name: str
    state: AgentState
    team_name: str | None
    hostname: str
    address: str | None
    host_key: str
    re_enrol_until: datetime | None
    host_conflicts: int
    host_conflict_at: datetime | None
    host_conflict_hostname: str | None
    host_conflict_address: str | None
    queues: list[str]
    slots: int
    used_slots: int
    running: int
    capabilities: dict[str, Any]
    versions: dict[str, Any]
    health: dict[str, Any] | None
    registered_at: datetime
    last_seen_at: datetime
    cordoned_at: datetime | None
    cordoned_by: str | None
    cordon_reason: str | None
    cordon_expires_at: datetime | None
    drain_requested_at: datetime | None
    drain_deadline: datetime | None
    token_name: str | None


def agents(session: Session) -> list[AgentView]:
    """Return every agent, by name."""
    in_use = used(session)
    rows = session.execute(
        select(AgentRow, TokenRow.name.label("token_name"))
        .outerjoin(TokenRow, TokenRow.id == AgentRow.token_id)
        .order_by(AgentRow.name)
    )
    return [_agent_view(row.AgentRow, row.token_name, *in_use.get(row.AgentRow.name, (0, 0))) for row in rows]


def _agent_view(agent: AgentRow, token_name: str | None, slots: int, running: int) -> AgentView:
    same = {name: getattr(agent, name) for name in AgentView.model_fields if hasattr(agent, name)}
    return AgentView(
        **same
        | {
            "queues": agent.queues_override or agent.queues,
            "slots": agent.slots_override or agent.slots,
            "used_slots": slots,
            "running": running,
            "token_name": token_name,
        }
    )


def used(session: Session) -> dict[str, tuple[int, int]]:
    """Return slots in use and jobs in hand, by agent."""
    held = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING])
    rows = session.execute(
        select(JobRow.agent_name, func.sum(JobRow.slots), func.count()).where(held).group_by(JobRow.agent_name)
    )
    return {name or "": (slots, count) for name, slots, count in rows}
