"""Lists of jobs: which ones are wanted, in which order, how many there are; counted and cut by the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import case, func, or_, select, union

from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import job_views, offers
from edge_agent.protocol import OPEN, JobKind, JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

RECENT = 1000
"""How many of the newest jobs are asked for the queues they were in."""


@dataclass(frozen=True)
class Wanted:
    """Which jobs a list is of; what is None or empty does not matter.

    ``search``: part of the label. ``token``: name of the one that a command came with. ``dags``: only jobs of these
    Dags, and those of none.
    """

    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    agent: str | None = None
    kind: JobKind | None = None
    search: str | None = None
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    token: str | None = None
    dags: frozenset[str] | None = None

    @property
    def asks_what_it_is_about(self) -> bool:
        """Whether being on the list tells something that is only for those who may read the job's Dag."""
        about = (self.search, self.dag_id, self.run_id, self.task_id, self.map_index, self.token)
        return any(value is not None for value in about)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what must hold for a job to be on the list."""
        equal = (
            (JobRow.queue, self.queue),
            (JobRow.agent_name, self.agent),
            (JobRow.kind, self.kind),
            (JobRow.dag_id, self.dag_id),
            (JobRow.run_id, self.run_id),
            (JobRow.task_id, self.task_id),
            (JobRow.map_index, self.map_index),
        )
        found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
        if self.states:
            # Without any that is open there is an index of what has ended, for the planner to see.
            ended = [JobRow.ended_at.is_not(None)] if not self.states & OPEN else []
            found += [*ended, JobRow.state.in_(sorted(self.states))]
        if self.search is not None:
            found.append(JobRow.label.icontains(self.search, autoescape=True))
        if self.token is not None:
            mine = select(TokenRow.id).where(TokenRow.name == self.token)
            found.append(JobRow.submit_token_id == mine.scalar_subquery())
        if self.dags is not None:
            found.append(or_(JobRow.dag_id.is_(None), JobRow.dag_id.in_(sorted(self.dags))))
        return found


class JobCounts(BaseModel):
    """How many jobs of the whole deployment are in which state."""

    queued: int
    offered: int
    running: int
    ended: int


class JobsPage(BaseModel):
    """A part of a list of jobs. ``total``: how long the list is. ``queues``: what may be asked for."""

    total: int
    jobs: list[job_views.JobView]
    counts: JobCounts
    queues: list[str]
    server_time: datetime


def page(session: Session, config: QueueConfig, wanted: Wanted, *, limit: int, offset: int = 0) -> JobsPage:
    """Return a part of a list, newest first; what is queued comes before it, in the order it will be taken."""
    found = wanted.conditions()
    counts = _counts(session)
    total = sum(counts.model_dump().values())
    if found:
        total = session.scalar(select(func.count()).select_from(JobRow).where(*found)) or 0
    now = job_views.time_of(session)
    rows = _rows(session, wanted, limit, offset)
    views = job_views.views(session, config, rows, now)
    return JobsPage(total=total, jobs=views, counts=counts, queues=queues(session), server_time=now)


def jobs(session: Session, config: QueueConfig, wanted: Wanted, *, limit: int) -> list[job_views.JobView]:
    """Return the first jobs of a list alone."""
    return job_views.views(session, config, _rows(session, wanted, limit), job_views.time_of(session))


def _rows(session: Session, wanted: Wanted, limit: int, offset: int = 0) -> Sequence[Any]:
    statement = job_views.rows().where(*wanted.conditions()).order_by(*_order(wanted))
    return session.execute(statement.limit(limit).offset(offset)).all()


def dags(session: Session, wanted: Wanted) -> set[str]:
    """Return the Dags of all jobs on a list."""
    return {dag for dag in session.scalars(select(JobRow.dag_id).where(*wanted.conditions()).distinct()) if dag}


def queues(session: Session) -> list[str]:
    """Return the queues that agents serve, and those of jobs that are open or recent."""
    recent = select(JobRow.queue).order_by(JobRow.queued_at.desc(), JobRow.id.desc()).limit(RECENT).subquery()
    held = select(JobRow.queue).where(JobRow.state.in_([JobState.OFFERED, JobState.RUNNING]))
    found = {*session.scalars(union(offers.queued_queues(), held, select(recent.c.queue)))}
    for own, other in session.execute(select(AgentRow.queues, AgentRow.queues_override)):
        found |= {*(other or own)}
    return sorted(found)


def _order(wanted: Wanted) -> list[Any]:
    newest = [JobRow.queued_at.desc(), JobRow.id.desc()]
    if JobState.QUEUED not in wanted.states:
        return newest
    if len(wanted.states) == 1:
        return [JobRow.rank, JobRow.id]
    queued = JobRow.state == JobState.QUEUED
    return [case((queued, 0), else_=1), case((queued, JobRow.rank)), *newest]


def _counts(session: Session) -> JobCounts:
    # Four counts and not one by group: for each there is an index of nothing but those jobs.
    held = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING])
    which = {
        "queued": JobRow.state == JobState.QUEUED,
        "offered": JobRow.state == JobState.OFFERED,
        "running": held & (JobRow.state == JobState.RUNNING),
        "ended": JobRow.ended_at.is_not(None),
    }
    counted = (
        select(func.count()).select_from(JobRow).where(condition).scalar_subquery().label(name)
        for name, condition in which.items()
    )
    return JobCounts(**session.execute(select(*counted)).one()._mapping)  # noqa: SLF001  SQLAlchemy's own name for it
