"""What an admin sees of agents and decides about them. Airflow's own login; every write is audited."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api.auth import Reason, may_steer, may_view
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import agent_views, host_keys, steering
from edge_agent.protocol import NAME_PATTERN, Problem, Text

AgentName = Annotated[str, Path(pattern=NAME_PATTERN)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cordon(_Body):
    """Why, and for how long; no expiry stands until somebody lifts it."""

    reason: Text | None = Field(default=None, max_length=1000)
    expires_in_seconds: float | None = Field(default=None, gt=0, le=steering.LONGEST_SECONDS)


class Drain(_Body):
    """Why, and by when the work must be done; without that the agent waits for ever."""

    reason: Text | None = Field(default=None, max_length=1000)
    deadline_seconds: float | None = Field(default=None, gt=0, le=steering.LONGEST_SECONDS)


class ReEnrolment(_Body):
    """Why, and for how long another host may come for the name."""

    reason: Text | None = Field(default=None, max_length=1000, description="Why, for the audit log.")
    within_seconds: float = Field(default=host_keys.RE_ENROL_SECONDS, gt=0, le=31_536_000)


class Deleted(BaseModel):
    """What became of the work of a deleted agent."""

    failed: int
    returned: int


def router() -> APIRouter:
    """Return the routes under ``/ui``."""
    routes = APIRouter(prefix="/ui", tags=["ui"], responses={"4XX": {"model": Problem}})
    _add_views(routes)
    _add_agent_actions(routes)
    return routes


def _add_views(routes: APIRouter) -> None:
    @routes.get("/agents", dependencies=[may_view()])
    async def agents() -> list[agent_views.AgentView]:
        """Every agent, with what it holds."""
        return await transact(agent_views.agents)


def _add_agent_actions(routes: APIRouter) -> None:
    @routes.put("/agents/{name}/cordon", status_code=204, dependencies=may_steer("edge_agent.cordon"))
    async def cordon(name: AgentName, body: Cordon, user: GetUserDep) -> None:
        """Offer nothing new to an agent."""
        by, reason, expiry = user.get_name(), body.reason, body.expires_in_seconds
        await transact(lambda db: steering.cordon(db, name, by=by, reason=reason, expires_in_seconds=expiry))

    @routes.delete("/agents/{name}/cordon", status_code=204, dependencies=may_steer("edge_agent.uncordon"))
    async def uncordon(name: AgentName, reason: Reason = None) -> None:  # noqa: ARG001  the audit log reads it
        """Offer work to an agent again."""
        await transact(lambda db: steering.uncordon(db, name))

    @routes.put("/agents/{name}/drain", status_code=204, dependencies=may_steer("edge_agent.drain"))
    async def drain(name: AgentName, body: Drain, user: GetUserDep) -> None:
        """Cordon an agent and stop it when its work is done."""
        by, reason, deadline = user.get_name(), body.reason, body.deadline_seconds
        await transact(lambda db: steering.drain(db, name, by=by, reason=reason, deadline_seconds=deadline))

    @routes.post("/agents/{name}/re-enrol", status_code=204, dependencies=may_steer("edge_agent.re_enrol"))
    async def re_enrol(name: AgentName, body: ReEnrolment) -> None:
        """Let the next other host that registers under a name have it. The present one goes on until then."""
        await transact(lambda db: host_keys.re_enrol(db, name, within_seconds=body.within_seconds))

    @routes.delete(
        "/agents/{name}/host-conflict", status_code=204, dependencies=may_steer("edge_agent.dismiss_conflict")
    )
    async def dismiss_conflict(name: AgentName, reason: Reason = None) -> None:  # noqa: ARG001  the same
        """Forget that another host asked for a name, once that is cleared up."""
        await transact(lambda db: host_keys.dismiss_conflict(db, name))

    @routes.delete("/agents/{name}", dependencies=may_steer("edge_agent.delete"))
    async def delete(name: AgentName, reason: Reason = None) -> Deleted:  # noqa: ARG001  the same
        """Forget an agent; its running jobs fail, its offers go back."""
        failed, returned = await transact(lambda db: steering.delete(db, name))
        return Deleted(failed=failed, returned=returned)
