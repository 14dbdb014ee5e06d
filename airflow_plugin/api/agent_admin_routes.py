"""What an admin sees of agents and decides about them. Airflow's own login; every write is audited."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api.auth import Reason, may_steer
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import agent_settings, host_keys, steering
from edge_agent.protocol import NAME_PATTERN, Name, Problem, Text
from edge_agent.protocol.agents import MAX_QUEUES, MAX_SLOTS

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


class Stop(_Body):
    """Why, and how long what runs may go on before it is ended."""

    reason: Text | None = Field(default=None, max_length=1000)
    grace_seconds: float = Field(default=steering.GRACE_SECONDS, ge=0, le=steering.LONGEST_SECONDS)


class Settings(_Body):
    """What an agent is to have instead of what it is configured with; null: as it is configured on its host."""

    slots: int | None = Field(ge=1, le=MAX_SLOTS)
    queues: Annotated[list[Name], Field(min_length=1, max_length=MAX_QUEUES)] | None
    reason: Text | None = Field(default=None, max_length=1000)


class ReEnrolment(_Body):
    """Why, and for how long another host may come for the name."""

    reason: Text | None = Field(default=None, max_length=1000, description="Why, for the audit log.")
    within_seconds: float = Field(default=host_keys.RE_ENROL_SECONDS, gt=0, le=31_536_000)


class Deleted(BaseModel):
    """What became of the work of a deleted agent."""

    failed: int
    returned: int


def router() -> APIRouter:
    """Return the routes under ``/ui/agents/{name}`` that change something."""
    routes = APIRouter(prefix="/ui/agents/{name}", tags=["ui"], responses={"4XX": {"model": Problem}})
    _add_cordon(routes)
    _add_ends(routes)
    _add_settings(routes)
    _add_host(routes)
    return routes


def _add_cordon(routes: APIRouter) -> None:
    @routes.put("/cordon", status_code=204, dependencies=may_steer("edge_agent.cordon"))
    async def cordon(name: AgentName, body: Cordon, user: GetUserDep) -> None:
        """Offer nothing new to an agent."""
        by, reason, expiry = user.get_name(), body.reason, body.expires_in_seconds
        await transact(lambda db: steering.cordon(db, name, by=by, reason=reason, expires_in_seconds=expiry))

    @routes.delete("/cordon", status_code=204, dependencies=may_steer("edge_agent.uncordon"))
    async def uncordon(name: AgentName, user: GetUserDep, reason: Reason = None) -> None:
        """Offer work to an agent again."""
        by = user.get_name()
        await transact(lambda db: steering.uncordon(db, name, by=by, reason=reason))


def _add_ends(routes: APIRouter) -> None:
    @routes.put("/drain", status_code=204, dependencies=may_steer("edge_agent.drain"))
    async def drain(name: AgentName, body: Drain, user: GetUserDep) -> None:
        """Cordon an agent and stop it when its work is done."""
        by, reason, deadline = user.get_name(), body.reason, body.deadline_seconds
        await transact(lambda db: steering.drain(db, name, by=by, reason=reason, deadline_seconds=deadline))

    @routes.put("/stop", status_code=204, dependencies=may_steer("edge_agent.stop"))
    async def stop(name: AgentName, body: Stop, user: GetUserDep) -> None:
        """Cordon an agent, end what still runs on it after the grace, and stop it."""
        by, reason, grace = user.get_name(), body.reason, body.grace_seconds
        await transact(lambda db: steering.stop(db, name, by=by, reason=reason, grace_seconds=grace))

    @routes.delete("", dependencies=may_steer("edge_agent.delete"))
    async def delete(name: AgentName, user: GetUserDep, reason: Reason = None) -> Deleted:
        """Forget an agent; its running jobs fail, its offers go back."""
        by = user.get_name()
        failed, returned = await transact(lambda db: steering.delete(db, name, by=by, reason=reason))
        return Deleted(failed=failed, returned=returned)


def _add_settings(routes: APIRouter) -> None:
    @routes.put("/settings", status_code=204, dependencies=may_steer("edge_agent.settings"))
    async def settings(name: AgentName, body: Settings, user: GetUserDep) -> None:
        """Give an agent other slots, or fewer queues, than its host says. It hears of it at once."""
        by, wanted = user.get_name(), agent_settings.Override(body.slots, body.queues)
        await transact(lambda db: agent_settings.change(db, name, wanted, by=by, reason=body.reason))


def _add_host(routes: APIRouter) -> None:
    @routes.post("/re-enrol", status_code=204, dependencies=may_steer("edge_agent.re_enrol"))
    async def re_enrol(name: AgentName, body: ReEnrolment, user: GetUserDep) -> None:
        """Let the next other host that registers under a name have it. The present one goes on until then."""
        by, reason, within = user.get_name(), body.reason, body.within_seconds
        await transact(lambda db: host_keys.re_enrol(db, name, by=by, reason=reason, within_seconds=within))

    @routes.delete("/host-conflict", status_code=204, dependencies=may_steer("edge_agent.dismiss_conflict"))
    async def dismiss_conflict(name: AgentName, reason: Reason = None) -> None:  # noqa: ARG001  the audit log reads it
        """Forget that another host asked for a name, once that is cleared up."""
        await transact(lambda db: host_keys.dismiss_conflict(db, name))
