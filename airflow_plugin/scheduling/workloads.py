"""Airflow's workloads as jobs: where they may run, what the agent gets, and what cannot be accepted.

The token of a workload is left out: it lives for minutes, a job may wait for hours. The queue API mints a
new one when an agent confirms.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.executors.workloads import ExecuteCallback, ExecuteTask, TestConnection
from airflow.models.callback import CallbackKey
from airflow.models.connection_test import ConnectionTestKey
from airflow.models.taskinstancekey import TaskInstanceKey

from airflow_plugin.errors import Invalid
from airflow_plugin.queue.jobs import NewJob, Workload
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.standing import CALLBACK, CONNECTION_TEST, TASK
from airflow_plugin.scheduling.executor_config import OnAgentLost, Wishes, wishes
from edge_agent.protocol import NAME_PATTERN, JobKind, RunnerName

if TYPE_CHECKING:
    from airflow_plugin.config import QueueConfig

Key = TaskInstanceKey | CallbackKey | ConnectionTestKey
QUEUE_LENGTH = 256


class UnknownWorkloadError(ValueError):
    """A kind of workload this release does not know; the message names it."""


@dataclass(frozen=True)
class Origin:
    """Who queues: the owner that must hear of the end, its team, and the site's settings."""

    owner: str
    team: str | None
    default_queue: str
    config: QueueConfig


def key_of(workload: Workload) -> Key:
    """Return the key under which the scheduler is told of a workload's end.

    :raises UnknownWorkloadError: when a newer release wrote the job.
    """
    if workload.type == TASK:
        ids: Any = workload.dag_id, workload.task_id, workload.run_id, workload.try_number, workload.map_index
        return TaskInstanceKey(*ids)
    if workload.type == CALLBACK:
        return CallbackKey(str(workload.id))
    if workload.type == CONNECTION_TEST:
        return ConnectionTestKey(str(workload.id))
    msg = f"workload type {workload.type!r} is unknown to this release of airflow-edge-agent"
    raise UnknownWorkloadError(msg)


def job_of(workload: object, origin: Origin) -> NewJob:
    """Return the job that runs a workload. What cannot be accepted becomes a job that says why as it ends.

    :raises UnknownWorkloadError: for a kind of workload this release does not know.
    """
    if isinstance(workload, ExecuteTask):
        return _task(workload, origin)
    if isinstance(workload, ExecuteCallback):
        about = Workload(CALLBACK, UUID(workload.callback.id))
        return _service(workload, about, origin, label=f"callback {workload.display_name}")
    if isinstance(workload, TestConnection):
        about = Workload(CONNECTION_TEST, workload.connection_test_id)
        # Airflow gives a test up soon after its timeout: nobody wants it to run later than that.
        return _service(workload, about, origin, label=workload.display_name, queue_timeout=workload.timeout)
    msg = f"a workload of type {type(workload).__name__} cannot run on edge agents"
    raise UnknownWorkloadError(msg)


def _task(workload: ExecuteTask, origin: Origin) -> NewJob:
    ti = workload.ti
    rejection, asked, lost_wait_seconds = None, Wishes(), None
    try:
        asked = wishes(ti.executor_config)
        lost_wait_seconds = _lost_wait_seconds(asked, origin.config)
        _check_queue(ti.queue)
    except Invalid as refusal:
        rejection = f"{refusal}. Nothing was started."
    mapped = f"[{ti.map_index}]" if ti.map_index >= 0 else ""
    return NewJob(
        kind=JobKind.TASK,
        placement=_placement(ti.queue, origin.team, asked),
        payload=_payload(workload, workload.log_path)
        | ({"run_as_user": asked.run_as_user} if asked.run_as_user else {}),
        label=f"{ti.dag_id}.{ti.task_id}{mapped} {ti.run_id} try {ti.try_number}",
        runner=asked.runner,
        slots=asked.slots or max(1, ti.pool_slots),
        priority_weight=ti.priority_weight,
        queue_timeout_seconds=asked.queue_timeout or origin.config.queue_timeout_seconds,
        lost_wait_seconds=lost_wait_seconds,
        owner=origin.owner,
        workload=Workload(TASK, ti.id, ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number),
        rejection=rejection,
    )


def _service(
    workload: Any, about: Workload, origin: Origin, *, label: str, queue_timeout: float | None = None
) -> NewJob:
    """Return the job of a workload that nobody wrote an ``executor_config`` for; it goes before any task."""
    queue, rejection = getattr(workload, "queue", None) or origin.default_queue, None
    try:
        _check_queue(queue)
    except Invalid as refusal:
        rejection = f"{refusal}. Nothing was started."
    config = origin.config
    return NewJob(
        kind=JobKind.TASK,
        placement=_placement(queue, origin.team, Wishes()),
        payload=_payload(workload, getattr(workload, "log_path", None)),
        label=label,
        runner=RunnerName.LOCAL,  # nobody looks at it, and it is not to wait for an interpreter of its own
        priority_weight=math.ceil(config.priority_head_start_seconds / config.priority_step_seconds),
        queue_timeout_seconds=queue_timeout or config.queue_timeout_seconds,
        owner=origin.owner,
        workload=about,
        rejection=rejection,
    )


def _placement(queue: str, team: str | None, asked: Wishes) -> Placement:
    requires = {**asked.requires, f"kind.{JobKind.TASK}": True}
    if asked.runner is RunnerName.TMUX:
        requires[f"runner.{RunnerName.TMUX}"] = True
    return Placement(queue[:QUEUE_LENGTH], team, requires)


def _payload(workload: Any, log_path: str | None) -> dict[str, Any]:
    return {"workload": workload.model_dump(mode="json", exclude={"token"}), "log_path": log_path}


def _lost_wait_seconds(asked: Wishes, config: QueueConfig) -> float | None:
    """Return how long a task waits for a lost agent, None for not at all.

    :raises Invalid: when that is longer than the site allows.
    """
    if asked.on_agent_lost is not OnAgentLost.WAIT:
        return None
    if asked.wait_seconds is not None and asked.wait_seconds > config.lost_wait_seconds:
        msg = (
            f"wait_seconds is {asked.wait_seconds:g}; this site allows at most {config.lost_wait_seconds:g} "
            "([edge_agent] lost_wait_seconds)"
        )
        raise Invalid(msg)
    return asked.wait_seconds or config.lost_wait_seconds


def _check_queue(queue: str) -> None:
    if not re.fullmatch(NAME_PATTERN, queue):
        msg = (
            f"queue {queue!r} cannot be served by any agent: a queue name has letters, digits, '.', '_' and '-', "
            "at most 64 of them"
        )
        raise Invalid(msg)
