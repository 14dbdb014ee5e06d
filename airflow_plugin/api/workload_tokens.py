"""Tokens of Airflow's Execution API for a host's supervisor, minted at the moment they are asked for.

Never stored: a job may wait in the queue for longer than any token should live.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_

from airflow_plugin.compat import JWTGenerator, workload_token_generator
from airflow_plugin.models import JobRow

if TYPE_CHECKING:
    from airflow_plugin.queue.assignments import Start

LIFETIME_SECONDS = 600.0
"""The supervisor uses it at once, for its first call only; the answer to that has its next token. As long
as Airflow's own: a host that loses the API server in this very moment asks for nine minutes."""

TASK = "ExecuteTask"


@cache
def _generator() -> JWTGenerator:
    return workload_token_generator()


def token_for(start: Start) -> str | None:
    """Return the token that lets an Airflow workload start. A command has none."""
    if start.workload_id is None:
        return None
    claims = {"sub": str(start.workload_id), "scope": "workload"}
    return _generator().generate(extras=claims, valid_for=LIFETIME_SECONDS)


def execution_token(task_instance_id: UUID) -> str:
    """Return a token for a task instance that runs, as Airflow's answer to its start had one."""
    return _generator().generate(extras={"sub": str(task_instance_id), "scope": "execution"})


def still_wanted() -> ColumnElement[bool]:
    """Return the condition under which Airflow still wants a job.

    A task: its task instance is still queued. One that was cleared, marked or deleted meanwhile has another state, or
    another id. A command that ends with a task instance: that goes on.
    """
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.state import TaskInstanceState

    from airflow_plugin.queue import ties

    queued = exists().where(TaskInstance.id == JobRow.workload_id, TaskInstance.state == TaskInstanceState.QUEUED)
    return and_(or_(JobRow.workload_type.is_(None), JobRow.workload_type != TASK, queued), ties.is_wanted())
