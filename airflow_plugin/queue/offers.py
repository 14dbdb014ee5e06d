"""What is queued, and handing it out: the walk over demand, and the claim.

What if it dies here? A claim is one statement in one transaction: before its commit nothing
happened, after it the job is offered and comes back by itself when nobody confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import CTE, Select, func, literal, null, or_, select, type_coerce, union_all
from sqlalchemy import Uuid as UuidType
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import tally
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.steps import step
from edge_agent.protocol import AgentState, JobKind, JobState, Offer, RunnerName

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.compiler import SQLCompiler

COUNTED = 256
"""How many queued jobs of one placement the walk counts before it says "at least so many"."""


TOGETHER = 32
"""How many placements one claim looks at: each is a part of the statement, which must stay small."""


class _RandomUuid(FunctionElement[UUID]):
    """A new UUID for each row, made by the database, so that one statement can claim many jobs."""

    type = UuidType()
    inherit_cache = True


@compiles(_RandomUuid, "postgresql")
def _uuid_on_postgres(_element: _RandomUuid, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "gen_random_uuid()"


@compiles(_RandomUuid, "sqlite")
def _uuid_on_sqlite(_element: _RandomUuid, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "lower(hex(randomblob(16)))"


def demand() -> Select[Any]:
    """Return the statement that tells which placements have queued jobs, and how many (at most ``COUNTED``).

    Columns ``(key, jobs)``. A loose index scan: it steps from one placement to the next in the index,
    so that its cost is the number of placements, not of jobs.
    """
    queued, walk = JobRow.state == JobState.QUEUED, _placements_walk()
    some = select(literal(1)).where(queued, JobRow.placement == walk.c.key).correlate(walk).limit(COUNTED)
    jobs = select(func.count()).select_from(some.subquery()).scalar_subquery()
    return select(walk.c.key, jobs.label("jobs")).where(walk.c.key.is_not(None))


def _placements_walk() -> CTE:
    """Return the placements that have queued jobs, as ``key``; the last one is null."""
    queued = JobRow.state == JobState.QUEUED
    first = select(func.min(JobRow.placement).label("key")).where(queued).cte("placements", recursive=True)
    following = select(func.min(JobRow.placement)).where(queued, JobRow.placement > first.c.key).scalar_subquery()
    return first.union_all(select(following).where(first.c.key.is_not(None)))


def queued_queues() -> Select[Any]:
    """Return the statement that tells in which queues jobs wait, in the same steps. Column ``queue``."""
    walk = _placements_walk()
    one = select(JobRow.queue).where(JobRow.state == JobState.QUEUED, JobRow.placement == walk.c.key).correlate(walk)
    # Whichever it is; by rank, so that Postgres takes the index that begins with the placement.
    queue = one.order_by(JobRow.rank).limit(1).scalar_subquery()
    return select(queue.label("queue")).where(walk.c.key.is_not(None)).distinct()


def nudged() -> Select[Any]:
    """Return the statement that tells which agents must hear something at once. Column ``key``."""
    return select(AgentRow.name.label("key")).where(AgentRow.nudged)


@cache
def news() -> Any:
    """Return both in one statement, for the watcher: ``(key, jobs)``; jobs is null for a nudged agent.

    Built once: that costs several times what sending it does, and the watcher asks ten times a second.
    """
    return union_all(demand(), nudged().add_columns(null().label("jobs")))


def placements(session: Session, keys: Sequence[str]) -> dict[str, Placement]:
    """Return what the digests stand for. Those that no queued job has any more are left out."""
    found = {}
    for key in keys:  # few, and the watcher asks once for each
        one = select(JobRow.team_name, JobRow.queue, JobRow.requires).where(
            JobRow.state == JobState.QUEUED, JobRow.placement == key
        )
        # Whichever it is; by rank, so that Postgres takes the index that begins with the placement.
        if row := session.execute(one.order_by(JobRow.rank).limit(1)).first():
            found[key] = Placement(row.queue, row.team_name, row.requires)
    return found


@dataclass(frozen=True)
class Claimant:
    """The agent session that asks for work. ``slots``: what it has in all, ``free_slots``: now."""

    name: str
    session_id: UUID
    slots: int
    free_slots: int


def may_be_offered_work() -> Any:
    """Return the condition on an agent under which it may be offered anything at all."""
    cordon_is_over = AgentRow.cordon_expires_at < clock.now()
    return (
        (AgentRow.state == AgentState.CONNECTED)
        & or_(AgentRow.cordoned_at.is_(None), cordon_is_over)
        & AgentRow.drain_requested_at.is_(None)
    )


def offer(
    session: Session, claimant: Claimant, keys: Sequence[str], *, limit: int, offer_seconds: float
) -> list[Offer]:
    """Claim queued jobs of these placements for an agent, best rank first, as many as fit its free slots.

    A job that needs more slots than are free holds the ones behind it back rather than being passed
    over for ever; one that needs more than the agent has at all is not considered.
    """
    # The share lock makes a cordon wait for this claim, and this claim for a cordon under way: once
    # the cordon has returned, no offer is committed after it.
    mine = AgentRow.name == claimant.name, AgentRow.session_id == claimant.session_id
    allowed = select(AgentRow.name).where(*mine, may_be_offered_work())
    if not keys or claimant.free_slots < 1 or session.scalar(allowed.with_for_update(read=True)) is None:
        return []
    if not (keys := _foremost(session, claimant, keys)):
        return []
    take = min(limit, claimant.free_slots)
    claim = (
        step(
            "offer",
            JobState.OFFERED,
            agent_name=claimant.name,
            session_id=claimant.session_id,
            assignment_id=_RandomUuid(),
            offered_at=clock.now(),
            offer_expires_at=clock.in_seconds(offer_seconds),
        )
        # SQLite has no share lock: there the claim itself must see that no cordon came in between.
        .where(JobRow.id.in_(_best(claimant, keys, take)), allowed.exists())
        .returning(
            JobRow.assignment_id,
            JobRow.id,
            JobRow.kind,
            JobRow.queue,
            JobRow.slots,
            JobRow.runner,
            JobRow.label,
            JobRow.rank,
        )
    )
    rows = sorted(session.execute(claim), key=lambda row: (row.rank, row.id))
    tally.offered(session, [row.queue for row in rows])
    return [
        Offer(
            assignment_id=row.assignment_id,
            job_id=row.id,
            kind=JobKind(row.kind),
            queue=row.queue,
            slots=row.slots,
            runner=RunnerName(row.runner),
            label=row.label,
        )
        for row in rows
    ]


def _foremost(session: Session, claimant: Claimant, keys: Sequence[str]) -> list[str]:
    """Return the placements to claim from: all of them, or of very many those whose turn comes first."""
    if len(keys) <= TOGETHER:
        return sorted(keys)
    queued = JobRow.state == JobState.QUEUED, JobRow.placement.in_(keys), JobRow.slots <= claimant.slots
    first = select(JobRow.placement).where(*queued).group_by(JobRow.placement)
    return sorted(session.scalars(first.order_by(func.min(JobRow.rank)).limit(TOGETHER)))


def _best(claimant: Claimant, keys: Sequence[str], take: int) -> Select[Any]:
    """Return the ids to claim: each placement's best are locked, skipping what others are claiming."""
    heads = [
        select(JobRow.id, JobRow.rank, JobRow.slots)
        .where(JobRow.state == JobState.QUEUED, JobRow.placement == key, JobRow.slots <= claimant.slots)
        .order_by(JobRow.rank, JobRow.id)
        .limit(take)
        .with_for_update(skip_locked=True)
        .cte(f"head_{number}")
        for number, key in enumerate(keys)
    ]
    together = union_all(*(select(head.c.id, head.c.rank, head.c.slots) for head in heads)).subquery()
    used = func.sum(together.c.slots).over(order_by=(together.c.rank, together.c.id), rows=(None, 0))
    ordered = select(together.c.id, together.c.rank, used.label("used")).subquery()
    return (
        select(type_coerce(ordered.c.id, UuidType()))
        .where(ordered.c.used <= claimant.free_slots)
        .order_by(ordered.c.rank, ordered.c.id)
        .limit(take)
    )
