"""What Airflow makes of the workload of a job: waits for it, is done with it, or does not know it any more.

A task instance keeps its key when it is cleared or retried and gets a new id: a job belongs to the id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.models.callback import Callback
from airflow.models.connection_test import ConnectionTestRequest
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import CallbackState, TaskInstanceState, TerminalTIState
from sqlalchemy import select, tuple_

from airflow_plugin.queue.jobs import Workload

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TASK = "ExecuteTask"
CALLBACK = "ExecuteCallback"
CONNECTION_TEST = "TestConnection"


class Standing(StrEnum):
    """How Airflow sees a workload at this moment."""

    QUEUED = "queued"
    """Waits for it to start."""

    RUNNING = "running"
    """Knows that it started, and waits for its end."""

    RESTARTING = "restarting"
    """A user cleared it while it ran: waits for its end, to run it anew."""

    FINISHED = "finished"
    """Knows its end."""

    OVER = "over"
    """Waits for nothing from this execution: deferred, rescheduled, up for retry, or cleared."""

    GONE = "gone"
    """Does not know it: somebody deleted it."""

    @property
    def awaits_end(self) -> bool:
        """Whether Airflow must be told of the end, or would wait for ever."""
        return self in {Standing.QUEUED, Standing.RUNNING, Standing.RESTARTING}


@dataclass(frozen=True)
class Verdict:
    """A standing, and the job id of the scheduler that would act on an end (None: any of them)."""

    standing: Standing
    scheduler: int | None = None


GONE = Verdict(Standing.GONE)


def workload_of(job: Any) -> Workload | None:
    """Return the workload of a row, None when it has none."""
    if job.workload_type is None or job.workload_id is None:
        return None
    ids = job.dag_id, job.run_id, job.task_id, job.map_index, job.try_number
    return Workload(job.workload_type, job.workload_id, *ids)


def verdicts(session: Session, workloads: Iterable[Workload]) -> dict[UUID, Verdict]:
    """Return how Airflow sees each of these workloads, by the workload's id. One or two statements for each type."""
    by_type: dict[str, dict[UUID, Workload]] = {}
    for workload in workloads:
        by_type.setdefault(workload.type, {})[workload.id] = workload
    found = {each: GONE for some in by_type.values() for each in some}
    if some := by_type.get(TASK):
        found |= _of_tasks(session, some)
    if some := by_type.get(CALLBACK):
        found |= _of_rows(session, Callback, some, _CALLBACK)
    if some := by_type.get(CONNECTION_TEST):
        found |= _of_rows(session, ConnectionTestRequest, some, _CONNECTION_TEST)
    return found


_CALLBACK = {
    CallbackState.QUEUED: Standing.QUEUED,
    CallbackState.RUNNING: Standing.RUNNING,
    CallbackState.SUCCESS: Standing.FINISHED,
    CallbackState.FAILED: Standing.FINISHED,
}
_CONNECTION_TEST = {
    "queued": Standing.QUEUED,
    "running": Standing.RUNNING,
    "success": Standing.FINISHED,
    "failed": Standing.FINISHED,
}
_TASK = {
    TaskInstanceState.QUEUED: Standing.QUEUED,
    TaskInstanceState.RUNNING: Standing.RUNNING,
    TaskInstanceState.RESTARTING: Standing.RESTARTING,
    **{TaskInstanceState(state.value): Standing.FINISHED for state in TerminalTIState},
}


def _of_rows(
    session: Session, model: Any, some: Mapping[UUID, Workload], meaning: Mapping[Any, Standing]
) -> dict[UUID, Verdict]:
    rows = session.execute(select(model.id, model.state).where(model.id.in_(some)))
    return {row.id: Verdict(meaning.get(row.state, Standing.OVER)) for row in rows}


def _of_tasks(session: Session, some: Mapping[UUID, Workload]) -> dict[UUID, Verdict]:
    columns = TaskInstance.id, TaskInstance.state, TaskInstance.try_number, TaskInstance.queued_by_job_id
    rows = session.execute(select(*columns).where(TaskInstance.id.in_(some)))
    # One that failed before it started keeps its id for the next try.
    found = {
        row.id: Verdict(_TASK.get(row.state, Standing.OVER), row.queued_by_job_id)
        if row.try_number == some[row.id].try_number
        else Verdict(Standing.OVER)
        for row in rows
    }
    if missing := [workload for each, workload in some.items() if each not in found]:
        found |= _of_renewed(session, missing)
    return found


def _of_renewed(session: Session, missing: list[Workload]) -> dict[UUID, Verdict]:
    """Return verdicts for task instances that are not there by id: renewed under the same key, or deleted."""
    key = TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index
    rows = session.execute(
        select(*key, TaskInstance.state, TaskInstance.try_number, TaskInstance.queued_by_job_id).where(
            tuple_(*key).in_([_key(each) for each in missing])
        )
    )
    renewed = {(row.dag_id, row.run_id, row.task_id, row.map_index): row for row in rows}
    return {each.id: _of_successor(each, renewed.get(_key(each))) for each in missing}


def _key(workload: Workload) -> tuple[Any, ...]:
    return workload.dag_id, workload.run_id, workload.task_id, workload.map_index


def _of_successor(workload: Workload, row: Any) -> Verdict:
    if row is None:
        return GONE
    if row.state == TaskInstanceState.RESTARTING and row.try_number == workload.try_number:
        return Verdict(Standing.RESTARTING, row.queued_by_job_id)
    return Verdict(Standing.OVER)
