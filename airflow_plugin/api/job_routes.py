"""What an admin sees of jobs and does with them. Airflow's own login; every write is audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api.auth import may_steer, may_view
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import job_views, jobs
from edge_agent.protocol import JobState, Problem, Text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as DatabaseSession

MOST_JOBS = 1000
Limit = Annotated[int, Query(ge=1, description=f"Most jobs of one answer; {MOST_JOBS} at most.")]


class Cancel(BaseModel):
    """Why, for the people who read the job's end."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(default="Cancelled by an admin.", max_length=1000)


def router() -> APIRouter:
    """Return the routes under ``/ui/jobs``."""
    routes = APIRouter(prefix="/ui/jobs", tags=["ui"], responses={"4XX": {"model": Problem}})

    @routes.get("", dependencies=[may_view()])
    async def list_jobs(
        state: JobState | None = None, queue: Text | None = None, agent: Text | None = None, limit: Limit = 100
    ) -> list[job_views.JobView]:
        """Jobs, newest first; a queued one says why it waits."""

        def work(session: DatabaseSession) -> list[job_views.JobView]:
            return job_views.jobs(session, state=state, queue=queue, agent=agent, limit=min(limit, MOST_JOBS))

        return await transact(work)

    @routes.post("/{job_id}/cancel", status_code=204, dependencies=may_steer("edge_agent.cancel"))
    async def cancel(job_id: UUID, body: Cancel) -> None:
        """End a job. One that has ended stays as it is."""
        await transact(lambda db: jobs.cancel(db, [job_id], body.reason))

    return routes
