"""How many of what there is: jobs by queue, agents by health, and what agents say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import agent_health
from edge_agent.protocol import OPEN, AgentState, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig


@dataclass(frozen=True)
class Census:
    """One look at everything. A queue that agents serve is there also when it is empty."""

    jobs: Mapping[tuple[str, JobState], int]
    oldest_seconds: Mapping[str, float]
    agents: Mapping[str, int]
    figures: Mapping[str, Mapping[str, Any]]


def take(session: Session, config: QueueConfig) -> Census:
    """Count, with one statement each, in the states' own indexes. Figures are those of connected agents."""
    jobs: dict[tuple[str, JobState], int] = {}
    oldest: dict[str, float] = {}
    for served in session.scalars(select(func.coalesce(AgentRow.queues_override, AgentRow.queues))):
        for queue in served:
            jobs |= {(queue, state): 0 for state in OPEN}
            oldest[queue] = 0.0
    for state in sorted(OPEN):
        age = func.max(clock.seconds_since(JobRow.queued_at))
        count = select(JobRow.queue, func.count(), age).where(JobRow.state == state).group_by(JobRow.queue)
        for queue, number, seconds in session.execute(count):
            jobs[queue, state] = number
            if state is JobState.QUEUED:
                oldest[queue] = max(0.0, seconds)
    status = agent_health.status(config).label("status")
    agents = {row.status: row.number for row in session.execute(_by_health(status))}
    health = {each.value: agents.get(each.value, 0) for each in agent_health.HealthStatus}
    return Census(jobs, oldest, health, _figures(session, config.metrics_agents))


def _by_health(status: Any) -> Any:
    each = select(status).subquery()
    return select(each.c.status, func.count().label("number")).group_by(each.c.status)


def _figures(session: Session, most: int) -> dict[str, Mapping[str, Any]]:
    said = select(AgentRow.name, AgentRow.figures)
    said = said.where(AgentRow.state == AgentState.CONNECTED, AgentRow.figures.is_not(None))
    return {name: figures for name, figures in session.execute(said.order_by(AgentRow.name).limit(most)) if figures}
