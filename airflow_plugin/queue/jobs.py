"""Jobs from the side of those who want them done: submit, cancel, withdraw, give up, look."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, exists, insert, or_, select, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow, LogRow
from airflow_plugin.queue import tally
from airflow_plugin.queue.signing_keys import signing_keys
from airflow_plugin.queue.steps import at_hand, lock, step
from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from edge_agent.protocol.signatures import signed_job

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig
    from airflow_plugin.queue.placement import Placement


@dataclass(frozen=True)
class Workload:
    """Which of Airflow's things a job is about. Ids as Airflow has them; None where there is none."""

    type: str
    id: UUID
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    try_number: int | None = None


@dataclass(frozen=True)
class NewJob:
    """A job to be submitted.

    ``payload`` is what the agent gets with the confirm, without any token. ``owner`` is who must
    hear of its end (a scheduler's job id), None for nobody. ``queue_timeout_seconds`` None waits
    for an agent for ever. ``lost_wait_seconds``: how long it stays running after its agent was last heard,
    once that is lost; None: not at all. ``rejection`` ends the job at once as rejected, with that message.
    """

    kind: JobKind
    placement: Placement
    payload: Mapping[str, Any]
    label: str
    runner: RunnerName = RunnerName.DEFAULT
    slots: int = 1
    priority_weight: int = 0
    queue_timeout_seconds: float | None = None
    lost_wait_seconds: float | None = None
    owner: str | None = None
    workload: Workload | None = None
    rejection: str | None = None
    id: UUID = field(default_factory=uuid4)


def submit(session: Session, job: NewJob, config: QueueConfig) -> UUID:
    """Sign a job, insert it, and return its id. Whether it is there is decided by the caller's commit."""
    session.execute(insert(JobRow).values(**columns_of(job, config)))
    if job.rejection is not None:
        ending = step("give_up", JobState.FAILED, reason=EndReason.REJECTED, message=job.rejection[:2000])
        tally.end(session, ending.where(JobRow.id == job.id))
    return job.id


def columns_of(job: NewJob, config: QueueConfig) -> dict[str, Any]:
    """Sign a job, and return it as it is stored: queued."""
    head_start = min(
        max(job.priority_weight * config.priority_step_seconds, -config.priority_head_start_seconds),
        config.priority_head_start_seconds,
    )
    values: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "state": JobState.QUEUED,
        "queue": job.placement.queue,
        "team_name": job.placement.team,
        "requires": dict(job.placement.requires),
        "placement": job.placement.key,
        "rank": clock.epoch() - head_start,
        "slots": job.slots,
        "priority_weight": job.priority_weight,
        "runner": job.runner,
        **_signed(job),
        "queued_at": clock.now(),
        "queue_deadline": None if job.queue_timeout_seconds is None else clock.in_seconds(job.queue_timeout_seconds),
        "lost_wait_seconds": job.lost_wait_seconds,
        "owner": job.owner,
        "settled": job.owner is None,
    }
    if job.workload:
        workload = job.workload
        values |= {
            "workload_type": workload.type,
            "workload_id": workload.id,
            "dag_id": workload.dag_id,
            "run_id": workload.run_id,
            "task_id": workload.task_id,
            "map_index": workload.map_index,
            "try_number": workload.try_number,
        }
    return values


def _signed(job: NewJob) -> dict[str, Any]:
    """Return label and payload as they are stored, and the signature under these very texts."""
    label, payload = job.label[:800], json.dumps(job.payload)
    content = signed_job(
        job.id,
        kind=job.kind,
        queue=job.placement.queue,
        team=job.placement.team,
        runner=job.runner,
        slots=job.slots,
        label=label,
        payload=payload,
    )
    return {"label": label, "payload": payload, "signature": signing_keys().sign(content)}


def cancel(session: Session, ids: Collection[UUID], why: str) -> int:
    """Cancel jobs: those nobody started end at once, running ones are asked of their agents.

    :returns: how many jobs this changed; those that had ended are left as they are.
    """
    if not ids:
        return 0
    _nudge_holders(session, ids)
    # No job slips from one of the two statements below to the other's states.
    lock(session, JobRow.id.in_(ids))
    ending = step("cancel", JobState.CANCELLED, reason=EndReason.CANCELLED, message=why[:2000])
    ended = tally.end(session, ending.where(JobRow.id.in_(ids)))
    asked = session.execute(
        update(JobRow)
        .where(JobRow.id.in_(ids), JobRow.state == JobState.RUNNING, JobRow.cancel_requested_at.is_(None))
        .values(cancel_requested_at=clock.now(), cancel_reason=why[:1000])
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(ended) + len(asked)


def _nudge_holders(session: Session, ids: Collection[UUID]) -> None:
    """Let the agents hear of a cancel at once: a running job must end, an offered one frees its slots.

    Comes before the jobs are touched: whoever changes both an agent and its jobs takes the agent
    first, or two of them would wait for each other.
    """
    held = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING]) & JobRow.cancel_requested_at.is_(None)
    holders = AgentRow.name.in_(select(JobRow.agent_name).where(JobRow.id.in_(ids), held))
    names = session.scalars(select(AgentRow.name).where(holders).order_by(AgentRow.name).with_for_update()).all()
    nudged = update(AgentRow).where(AgentRow.name.in_(names)).values(nudged=True)
    session.execute(nudged.execution_options(synchronize_session=False))


def give_up_waiting(session: Session) -> int:
    """Fail queued jobs that no agent took in time; return how many."""
    ending = step(
        "give_up",
        JobState.FAILED,
        reason=EndReason.QUEUE_TIMEOUT,
        message="No agent took the job within its queue timeout.",
    )
    due = (JobRow.state == JobState.QUEUED) & (JobRow.queue_deadline < clock.now())
    return len(tally.end(session, ending.where(at_hand(due))))


HEARD = (
    JobRow.id,
    JobRow.owner,
    JobRow.state,
    JobRow.reason,
    JobRow.message,
    JobRow.exit_code,
    JobRow.signal,
    JobRow.agent_name,
    JobRow.ended_at,
    JobRow.workload_type,
    JobRow.workload_id,
    JobRow.dag_id,
    JobRow.run_id,
    JobRow.task_id,
    JobRow.map_index,
    JobRow.try_number,
)
"""What an owner is told of a job: everything but its payload, which may be large."""


def hear(session: Session, owner: str, limit: int = 1000) -> list[Row[Any]]:
    """Return the jobs of ``owner`` with a step it has not heard of (as ``HEARD``), and mark them heard.

    One statement finds them by its partial index, whatever the number of jobs that did not change.
    """
    ids = select(JobRow.id).where(JobRow.owner == owner, JobRow.notify).limit(limit).with_for_update(skip_locked=True)
    found = list(session.scalars(ids))
    if not found:
        return []
    heard = (
        update(JobRow)
        .where(JobRow.id.in_(found), JobRow.owner == owner, JobRow.notify)
        .values(notify=False)
        .returning(*HEARD)
        .execution_options(synchronize_session=False)
    )
    return list(session.execute(heard))


def settle(session: Session, ids: Collection[UUID]) -> None:
    """Note that Airflow knows the end of these jobs."""
    if ids:
        lock(session, JobRow.id.in_(ids))
        session.execute(
            update(JobRow).where(JobRow.id.in_(ids)).values(settled=True).execution_options(synchronize_session=False)
        )


def purge(session: Session, older_than_days: float, limit: int = 1000) -> int:
    """Delete ended and settled jobs of that age; return how many.

    A job whose log is still kept is kept with it: without the job nobody would find the log.
    """
    old = clock.in_seconds(-older_than_days * 86_400)
    due = (
        select(JobRow.id)
        .where(JobRow.ended_at < old, or_(JobRow.settled, JobRow.owner.is_(None)))
        .where(~exists().where(LogRow.job_id == JobRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if ids := list(session.scalars(due)):
        session.execute(delete(JobRow).where(JobRow.id.in_(ids)).execution_options(synchronize_session=False))
    return len(ids)
