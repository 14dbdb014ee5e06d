"""The name under which a scheduler owns jobs, and the schedulers that are alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow.jobs.job import Job, JobState
from sqlalchemy import select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SCHEDULER = "SchedulerJob"


@dataclass(frozen=True)
class Owner:
    """An executor: the job id of its scheduler, and its team. As text it stands in the table.

    Without a scheduler (``dag.test``), ``process`` tells this one process from others.
    """

    scheduler: int | None
    team: str | None = None
    process: str = ""

    def __str__(self) -> str:
        who = str(self.scheduler) if self.scheduler is not None else self.process
        return f"{who}/{self.team}" if self.team else who

    def of(self, scheduler: int) -> Owner:
        """Return the executor of the same team in another scheduler."""
        return Owner(scheduler, self.team)


def owner_of(job_id: int | str | None, team: str | None) -> Owner:
    """Return the owner for an executor's job id, which is None outside a scheduler."""
    if job_id is None:
        return Owner(None, team, f"process-{uuid4().hex[:8]}")
    return Owner(int(job_id), team)


def read_owner(text: str) -> Owner:
    """Return the owner that stands in the table as ``text``."""
    who, _, team = text.partition("/")
    return Owner(int(who), team or None) if who.isdecimal() else Owner(None, team or None, who)


def alive(session: Session, schedulers: set[int]) -> set[int]:
    """Return which of these scheduler job ids Airflow takes to be running."""
    running = select(Job.id).where(Job.id.in_(schedulers), Job.job_type == SCHEDULER, Job.state == JobState.RUNNING)
    return set(session.scalars(running))
