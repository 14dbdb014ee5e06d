"""What people see of agents: the list, one of them, how it was, what happened to it. Airflow's own login."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api import dag_rights
from airflow_plugin.api.auth import may_view
from airflow_plugin.api.transactions import transact
from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import agent_detail, agent_search, events, samples
from airflow_plugin.queue.agent_detail import AgentDetail
from airflow_plugin.queue.agent_health import HealthStatus
from edge_agent.protocol import NAME_PATTERN, Problem, Text
from edge_agent.protocol.base import LARGEST

AgentName = Annotated[str, Path(pattern=NAME_PATTERN)]
MOST = 200
Word = Annotated[Text, Field(min_length=1, max_length=500)]


class AgentQuery(BaseModel):
    """Which agents, in what order, and which part of them. A word that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    search: Text | None = Field(default=None, max_length=250, description="A part of name, hostname or address.")
    queue: list[Word] = Field(default=[], max_length=100, description="One of these is served.")
    capability: list[Word] = Field(default=[], max_length=100, description="All of these: a name, or name=value.")
    health: list[HealthStatus] = Field(default=[], description="One of these.")
    cordoned: bool | None = None
    token: Text | None = Field(default=None, max_length=64, description="The name of its token.")
    sort: str = Field(default="name", pattern=agent_search.SORT_PATTERN, description="With - the other way round.")
    limit: int = Field(default=50, ge=1, le=MOST)
    offset: int = Field(default=0, ge=0, le=LARGEST)

    def wanted(self) -> agent_search.AgentSearch:
        """Return the same in the queue's words."""
        same = self.model_dump(exclude={"queue", "capability"})
        return agent_search.AgentSearch(queues=self.queue, capabilities=self.capability, **same)


def router(config: QueueConfig) -> APIRouter:
    """Return the routes under ``/ui/agents`` that only look."""
    routes = APIRouter(
        prefix="/ui/agents", tags=["ui"], responses={"4XX": {"model": Problem}}, dependencies=[may_view()]
    )
    _add_agents(routes, config)
    _add_past(routes)
    return routes


def _add_agents(routes: APIRouter, config: QueueConfig) -> None:
    @routes.get("")
    async def agents(query: Annotated[AgentQuery, Query()]) -> agent_search.AgentsPage:
        """A page of agents, with what they hold, and what there is to choose from."""
        return await transact(lambda db: agent_search.page(db, config, query.wanted()))

    @routes.get("/{name}")
    async def agent(name: AgentName, user: GetUserDep) -> AgentDetail:
        """One agent: what it has in hand, what it did last, what happened to it."""
        found = await transact(lambda db: agent_detail.detail(db, config, name))
        return found.model_copy(update={"jobs": await dag_rights.as_seen_by(user, found.jobs)})


def _add_past(routes: APIRouter) -> None:
    @routes.get("/{name}/history")
    async def history(
        name: AgentName, hours: Annotated[float, Query(gt=0, le=samples.MOST_HOURS)] = 3
    ) -> samples.History:
        """How an agent was from minute to minute. A minute that is not there is one in which no server was."""
        return await transact(lambda db: samples.history(db, name, hours=hours))

    @routes.get("/{name}/events")
    async def list_events(
        name: AgentName,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=2**63 - 1, description="Only what is older than the event of this id.")
        ] = None,
    ) -> events.Events:
        """What happened to an agent, the newest first; also to one that was deleted."""
        return await transact(lambda db: events.listed(db, name, limit=limit, before=before))
