"""Which Dags' jobs a user may read: asked of Airflow's auth manager, outside of any transaction of the queue.

A job of no Dag (a callback, a connection test, a command that no task has submitted) is for everybody who may see
jobs at all; its log is for those who may read the logs of tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from fastapi.concurrency import run_in_threadpool

from airflow_plugin.queue.job_views import JobView, hidden

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser


async def readable(user: BaseUser, dags: Collection[str]) -> frozenset[str]:
    """Return those of these Dags whose task instances a user may read."""
    return frozenset(await run_in_threadpool(_allowed, user, dags, DagAccessEntity.TASK_INSTANCE))


async def may_read_log(user: BaseUser, dag_id: str | None) -> bool:
    """Whether a user may read the logs of a Dag's tasks, or of tasks at all."""
    if dag_id is not None:
        return bool(await run_in_threadpool(_allowed, user, {dag_id}, DagAccessEntity.TASK_LOGS))
    manager: Any = get_auth_manager()
    entity = DagAccessEntity.TASK_LOGS
    allowed: bool = await run_in_threadpool(manager.is_authorized_dag, method="GET", access_entity=entity, user=user)
    return allowed


async def as_seen_by(user: BaseUser, views: Sequence[JobView]) -> list[JobView]:
    """Return these jobs with what a user may not know of them left out."""
    allowed = await readable(user, {view.dag_id for view in views if view.dag_id is not None})
    return [view if view.dag_id is None or view.dag_id in allowed else hidden(view) for view in views]


def _allowed(user: BaseUser, dags: Collection[str], entity: DagAccessEntity) -> set[str]:
    if not dags:
        return set()
    manager: Any = get_auth_manager()
    teams = DagModel.get_dag_id_to_team_name_mapping(list(dags))

    def may_read(dag: str) -> bool:
        details = DagDetails(id=dag, team_name=teams.get(dag))
        allowed: bool = manager.is_authorized_dag(method="GET", access_entity=entity, details=details, user=user)
        return allowed

    return {dag for dag in dags if may_read(dag)}
