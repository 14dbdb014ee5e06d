"""What people look at: agents, jobs and tokens as plain values, and why a queued job waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import offers
from airflow_plugin.queue import tokens as stored_tokens
from airflow_plugin.queue.allowances import TokenKind
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState

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


class JobView(BaseModel):
    """A job as an admin sees it.

    ``waiting``: why a queued one was not taken yet, or until when a running one waits for its lost agent.
    """

    id: UUID
    kind: JobKind
    state: JobState
    reason: EndReason | None
    message: str | None
    label: str
    queue: str
    requires: dict[str, Any]
    slots: int
    runner: str
    agent_name: str | None
    waiting: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    queued_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    signal: int | None
    log_bytes: int


class TokenView(BaseModel):
    """A token as an admin sees it."""

    name: str
    kind: TokenKind
    description: str | None
    prefix: str | None
    queues: list[str] | None
    agents: list[str] | None
    addresses: list[str] | None
    run_as_users: list[str] | None
    connections: list[str] | None
    variables: list[str] | None
    team_name: str | None
    max_agents: int | None
    one_time: bool
    enrolled_agent: str | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    rotated_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_by: str | None
    last_used_address: str | None


def agents(session: Session) -> list[AgentView]:
    """Return every agent, by name."""
    used = _used(session)
    rows = session.execute(
        select(AgentRow, TokenRow.name.label("token_name"))
        .outerjoin(TokenRow, TokenRow.id == AgentRow.token_id)
        .order_by(AgentRow.name)
    )
    return [_agent_view(row.AgentRow, row.token_name, *used.get(row.AgentRow.name, (0, 0))) for row in rows]


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


def _used(session: Session) -> dict[str, tuple[int, int]]:
    """Return slots in use and jobs in hand, by agent."""
    held = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING])
    rows = session.execute(
        select(JobRow.agent_name, func.sum(JobRow.slots), func.count()).where(held).group_by(JobRow.agent_name)
    )
    return {name or "": (slots, count) for name, slots, count in rows}


def jobs(
    session: Session,
    *,
    state: JobState | None = None,
    queue: str | None = None,
    agent: str | None = None,
    limit: int = 100,
) -> list[JobView]:
    """Return jobs, newest first."""
    found = select(JobRow).order_by(JobRow.queued_at.desc(), JobRow.id).limit(limit)
    for column, wanted in ((JobRow.state, state), (JobRow.queue, queue), (JobRow.agent_name, agent)):
        if wanted is not None:
            found = found.where(column == wanted)
    rows = list(session.scalars(found))
    everybody: list[AgentRow] = []
    free: dict[str, int] = {}
    if any(row.state == JobState.QUEUED or row.lost_wait_seconds is not None for row in rows):
        everybody = list(session.scalars(select(AgentRow).order_by(AgentRow.name)))
        used = _used(session)
        free = {each.name: (each.slots_override or each.slots) - used.get(each.name, (0, 0))[0] for each in everybody}
    return [_job_view(row, everybody, free) for row in rows]


def _job_view(job: JobRow, everybody: list[AgentRow], free: dict[str, int]) -> JobView:
    waiting = None
    if job.state == JobState.QUEUED:
        placement = Placement(job.queue, job.team_name, job.requires)
        waiting = offers.why_waiting(placement, job.slots, everybody, free)
    elif job.state == JobState.RUNNING and job.lost_wait_seconds is not None:
        waiting = _until_when(job, job.lost_wait_seconds, everybody)
    same = {name: getattr(job, name) for name in JobView.model_fields if hasattr(job, name)}
    return JobView(**same, waiting=waiting)


def _until_when(job: JobRow, wait_seconds: float, everybody: list[AgentRow]) -> str | None:
    """Say until when a running job waits for its agent; None while that is there."""
    for agent in everybody:
        if agent.name == job.agent_name and agent.state == AgentState.LOST:
            until = agent.last_seen_at + timedelta(seconds=wait_seconds)
            return f"its agent is lost; it fails at {until:%Y-%m-%d %H:%M:%S} UTC unless that comes back with it"
    return None


def tokens(session: Session) -> list[TokenView]:
    """Return every token, by name."""
    current = stored_tokens.prefixes(session)
    return [_token_view(row, current.get(row.id)) for row in stored_tokens.listed(session)]


def _token_view(token: TokenRow, prefix: str | None) -> TokenView:
    same = {name: getattr(token, name) for name in TokenView.model_fields if hasattr(token, name)}
    return TokenView(**same, prefix=prefix)
