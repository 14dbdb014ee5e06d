"""What an admin sees of jobs and does with them. Airflow's own login; every write is audited.

What a job is about is for those who may read its Dag: to others its ids, its label and its message are blank, no
search finds it by them, and its log is not there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api import dag_rights
from airflow_plugin.api.auth import may_steer, may_view
from airflow_plugin.api.transactions import transact
from airflow_plugin.errors import NotFound
from airflow_plugin.queue import job_lists, job_views, jobs, log_pieces
from airflow_plugin.queue.job_lists import JobsPage, Wanted
from airflow_plugin.queue.job_views import JobDetail
from airflow_plugin.queue.log_pieces import LogPiece
from edge_agent.protocol import TERMINAL, JobKind, JobState, Problem, Text

if TYPE_CHECKING:
    from airflow_plugin.config import QueueConfig

MOST_JOBS = 200
MOST_LOG_BYTES = 1_048_576
FARTHEST = 2**53
"""The largest whole number that JavaScript can count to by ones."""

States = Annotated[
    list[JobState | Literal["ended"]], Query(description="Any of these; 'ended' is every state that is final.")
]
Limit = Annotated[int, Query(ge=1, le=MOST_JOBS, description="Most jobs of one answer.")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="How many jobs of the list to leave out.")]
Search = Annotated[Text | None, Query(max_length=800, description="Part of the label.")]
Token = Annotated[Text | None, Query(max_length=64, description="Name of the token that commands came with.")]
MapIndex = Annotated[int | None, Query(ge=-1, le=2**31 - 1)]
LogOffset = Annotated[int, Query(ge=-FARTHEST, le=FARTHEST, description="In bytes. Negative: the last so many bytes.")]
LogLimit = Annotated[int, Query(ge=log_pieces.LEAST_BYTES, le=MOST_LOG_BYTES, description="Most bytes of one answer.")]


class Cancel(BaseModel):
    """Why, for the people who read the job's end."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(default="Cancelled by an admin.", max_length=1000)


def router(config: QueueConfig) -> APIRouter:
    """Return the routes under ``/ui/jobs``."""
    routes = APIRouter(prefix="/ui/jobs", tags=["ui"], responses={"4XX": {"model": Problem}})
    _add_list(routes, config)
    _add_one(routes, config)
    _add_cancel(routes)
    return routes


def _add_list(routes: APIRouter, config: QueueConfig) -> None:
    @routes.get("", dependencies=[may_view()])
    async def list_jobs(
        *,
        user: GetUserDep,
        state: States = [],  # noqa: B006  FastAPI copies it
        queue: Text | None = None,
        agent: Text | None = None,
        kind: JobKind | None = None,
        search: Search = None,
        dag_id: Text | None = None,
        run_id: Text | None = None,
        task_id: Text | None = None,
        map_index: MapIndex = None,
        token: Token = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> JobsPage:
        """Jobs, newest first; a queued one says why it waits. Asked for by state, queued ones come as they will go."""
        about: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
        where: dict[str, Any] = {"queue": queue, "agent": agent, "kind": kind, "search": search or None}
        wanted = Wanted(states=_states(state), token=token, **where, **about)
        if wanted.asks_what_it_is_about:
            dags = await transact(lambda db: job_lists.dags(db, wanted))
            wanted = replace(wanted, dags=await dag_rights.readable(user, dags))
        page = await transact(lambda db: job_lists.page(db, config, wanted, limit=limit, offset=offset))
        return page.model_copy(update={"jobs": await dag_rights.as_seen_by(user, page.jobs)})


def _add_one(routes: APIRouter, config: QueueConfig) -> None:
    @routes.get("/{job_id}", dependencies=[may_view()])
    async def one_job(job_id: UUID, user: GetUserDep) -> JobDetail:
        """One job."""
        detail = await transact(lambda db: job_views.detail(db, config, job_id))
        (seen,) = await dag_rights.as_seen_by(user, [detail.job])
        return detail.model_copy(update={"job": seen})

    @routes.get("/{job_id}/log", dependencies=[may_view()])
    async def log(job_id: UUID, user: GetUserDep, offset: LogOffset = 0, limit: LogLimit = 65_536) -> LogPiece:
        """A piece of a job's log, for who may read the logs of its Dag, or of tasks; ask on at ``next_offset``."""
        job = (await transact(lambda db: job_views.detail(db, config, job_id))).job
        if not await dag_rights.may_read_log(user, job.dag_id):
            raise NotFound(log_pieces.NO_SUCH)
        return await transact(lambda db: log_pieces.piece(db, job_id, offset=offset, limit=limit))


def _add_cancel(routes: APIRouter) -> None:
    @routes.post("/{job_id}/cancel", status_code=204, dependencies=may_steer("edge_agent.cancel"))
    async def cancel(job_id: UUID, body: Cancel) -> None:
        """End a job. One that has ended stays as it is."""
        await transact(lambda db: jobs.cancel(db, [job_id], body.reason))


def _states(asked: list[JobState | Literal["ended"]]) -> frozenset[JobState]:
    named = frozenset(state for state in asked if isinstance(state, JobState))
    return named | (TERMINAL if "ended" in asked else frozenset())
