"""Which running tasks may have a new execution token: those their agent still has and Airflow still waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from airflow_plugin.models import JobRow
from airflow_plugin.queue.standing import TASK, Standing, Verdict, verdicts, workload_of
from edge_agent.protocol import JobState, Refused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def renewable(session: Session, *, agent: str, ids: Collection[UUID]) -> tuple[dict[UUID, UUID], list[Refused]]:
    """Return the task instances of these assignments, by assignment, and those that may have no token.

    The session does not matter, the agent does: after its restart it asks for what it adopted. Callbacks and
    connection tests have none to renew: they live with the token they were started with.
    """
    columns = JobRow.state, JobRow.cancel_requested_at, JobRow.workload_type, JobRow.workload_id
    key = JobRow.dag_id, JobRow.run_id, JobRow.task_id, JobRow.map_index, JobRow.try_number
    mine = select(JobRow.assignment_id, *columns, *key).where(JobRow.agent_name == agent, JobRow.assignment_id.in_(ids))
    rows = {row.assignment_id: row for row in session.execute(mine)}
    tasks = (workload_of(row) for row in rows.values() if row.workload_type == TASK)
    known = verdicts(session, filter(None, tasks))
    refused = [
        Refused(assignment_id=id_, state=JobState(rows[id_].state) if id_ in rows else None, message=why)
        for id_ in ids
        if (why := _why_not(rows.get(id_), known)) is not None
    ]
    without = {each.assignment_id for each in refused}
    return {id_: rows[id_].workload_id for id_ in ids if id_ not in without}, refused


def _why_not(row: Any, known: Mapping[UUID, Verdict]) -> str | None:
    """Return why there is no new token for a job, None when there is one."""
    if row is None:
        return "Not an assignment of yours."
    if row.state != JobState.RUNNING:
        return f"The job is {row.state} by now."
    if row.workload_type != TASK:
        return "Only a task instance has an execution token that can be renewed."
    if row.cancel_requested_at is not None:
        return "The job is being cancelled."
    if known[row.workload_id].standing is not Standing.RUNNING:
        return "Airflow does not wait for this task any more."
    return None
