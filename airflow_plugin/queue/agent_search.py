"""The page of agents: searched, filtered, sorted and cut by the database, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.agent_views import AgentView

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

SORTS = ("name", "health", "last_seen", "used", "running", "registered", "version")
SORT_PATTERN = f"^-?({'|'.join(SORTS)})$"


class AgentCounts(BaseModel):
    """How many agents there are of each health, and how many are cordoned, whatever their health."""

    healthy: int = 0
    late: int = 0
    lost: int = 0
    offline: int = 0
    cordoned: int = 0


class AgentsPage(BaseModel):
    """Some agents, and what there is to choose from."""

    agents: list[AgentView]
    total: int = Field(description="How many agents the filters let pass.")
    all: int = Field(description="How many agents there are.")
    counts: AgentCounts = Field(description="Of all agents.")
    queues: list[str] = Field(description="Served by any agent.")
    capabilities: list[str] = Field(description="Of any agent, as the filter takes them: a name, or name=value.")
    server_time: datetime


@dataclass(frozen=True, kw_only=True)
class AgentSearch:
    """Which agents, in what order, and which part of them.

    ``search``: a part of name, hostname or address, in any case. Of several queues, or healths, one is enough;
    capabilities must all be there: a name, or ``name=value``. ``sort``: one of ``SORTS``, with ``-`` before it
    the other way round; ties go by name.
    """

    search: str | None = None
    queues: Sequence[str] = ()
    capabilities: Sequence[str] = ()
    health: Sequence[HealthStatus] = ()
    cordoned: bool | None = None
    token: str | None = None
    sort: str = "name"
    limit: int = 50
    offset: int = 0


def page(session: Session, config: QueueConfig, wanted: AgentSearch) -> AgentsPage:
    """Return a page of agents."""
    raise NotImplementedError
