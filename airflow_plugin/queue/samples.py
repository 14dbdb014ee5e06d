"""How agents were from minute to minute: sampled for all of them by one statement, never written by a beat.

What if it dies here? Another replica samples the minute, or nobody does: then it is missing, and is shown as missing.
Two that sample the same minute leave what one would have left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Double, case, cast, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, SampleRow
from airflow_plugin.queue import agent_health
from airflow_plugin.queue.agent_views import in_hand
from edge_agent.protocol import AgentState

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

STEP_SECONDS = 60
MOST_HOURS = 24


class Sample(BaseModel):
    """An agent at the beginning of a minute, and how many heartbeats came of it in the minute before."""

    at: datetime
    state: AgentState
    heard: int
    expected: int = Field(description="0: nobody expected any, because it had left.")
    slots: int
    used_slots: int
    running: int
    load_1m: float | None
    memory_used: float | None = Field(description="Part of the host's memory, 0 to 1.")
    disk_free_bytes: int | None


class History(BaseModel):
    """The samples of an agent, the oldest first. A minute without one is a minute in which no server was there."""

    step_seconds: int
    samples: list[Sample]
    server_time: datetime


def take(session: Session, config: QueueConfig) -> float:
    """Sample every agent, unless somebody has sampled this minute; return the seconds until the next one."""
    seen = _now(config)
    # Both have the clause; their common base class has not.
    new: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    taken = new(SampleRow).from_select([column.name for column in seen.selected_columns], seen)
    session.execute(taken.on_conflict_do_nothing())
    return STEP_SECONDS - (session.scalars(select(clock.epoch())).one() % STEP_SECONDS)


def _now(config: QueueConfig) -> Select[Any]:
    """Return the statement that says how each agent is. In the order of names: two that write them never cross."""
    hand = in_hand()
    total = AgentRow.health["memory_total_bytes"].as_float()
    free = AgentRow.health["memory_available_bytes"].as_float()
    return (
        select(
            AgentRow.name.label("agent_name"),
            clock.minute().label("at"),
            clock.now().label("taken_at"),
            AgentRow.state,
            AgentRow.session_id,
            clock.seconds_since(AgentRow.registered_at).label("session_seconds"),
            agent_health.silent_seconds().label("silent_seconds"),
            cast(agent_health.interval(config), Double).label("heartbeat_seconds"),
            AgentRow.beat,
            func.coalesce(AgentRow.slots_override, AgentRow.slots).label("slots"),
            func.coalesce(hand.c.slots, 0).label("used_slots"),
            func.coalesce(hand.c.running, 0).label("running"),
            AgentRow.health["load_1m"].as_float().label("load_1m"),
            case((total > 0, literal(1.0) - free / total)).label("memory_used"),
            cast(AgentRow.health["disk_free_bytes"].as_string(), BigInteger).label("disk_free_bytes"),
        )
        .outerjoin(hand, hand.c.agent_name == AgentRow.name)
        .order_by(AgentRow.name)
    )


def history(session: Session, agent: str, *, hours: float) -> History:
    """Return how an agent was in the last hours."""
    now = session.scalars(select(clock.now())).one()
    begin = now - timedelta(hours=hours)
    one_before = begin - timedelta(seconds=STEP_SECONDS)
    found = select(SampleRow).where(SampleRow.agent_name == agent, SampleRow.at > one_before).order_by(SampleRow.at)
    seen = [each for each in _read(session.scalars(found).all()) if each.at > begin]
    return History(step_seconds=STEP_SECONDS, samples=seen, server_time=now)


def _read(rows: Sequence[SampleRow]) -> Iterator[Sample]:
    before: SampleRow | None = None
    for row in rows:
        heard, expected = _heartbeats(before, row)
        same = {name: getattr(row, name) for name in Sample.model_fields if hasattr(row, name)}
        yield Sample(**same, heard=heard, expected=expected)
        before = row


def _heartbeats(before: SampleRow | None, row: SampleRow) -> tuple[int, int]:
    """Return how many heartbeats came since the row before was written, and how many should have.

    By the numbers of beats, which an agent counts up only when one has arrived. At the edges one more or one less
    is no news: of an agent that is heard in time, one is given. After a minute without a row only the silence until
    now is known.
    """
    if row.state == AgentState.OFFLINE:
        return 0, 0
    if before is not None and row.taken_at - before.taken_at >= timedelta(seconds=2 * STEP_SECONDS):
        before = None
    seconds, earlier = min(STEP_SECONDS, row.session_seconds), 0
    if before is not None and row.session_id is not None and row.session_id == before.session_id:
        seconds, earlier = (row.taken_at - before.taken_at).total_seconds(), before.beat
    expected = max(1, round(seconds / row.heartbeat_seconds))
    silent = row.silent_seconds / row.heartbeat_seconds
    given = 1 if row.state == AgentState.CONNECTED and silent < 1 + agent_health.SLACK else 0
    came = min(row.beat, expected - int(silent)) if before is None else row.beat - earlier
    return max(0, min(expected, came + given)), expected


def forget(session: Session, agent: str) -> None:
    """Delete how an agent was: another that gets its name was never like that."""
    gone = delete(SampleRow).where(SampleRow.agent_name == agent)
    session.execute(gone.execution_options(synchronize_session=False))


def purge(session: Session, hours: float) -> int:
    """Delete samples of that age; return how many."""
    gone = delete(SampleRow).where(SampleRow.at < clock.in_seconds(-hours * 3600)).returning(SampleRow.agent_name)
    return len(session.execute(gone.execution_options(synchronize_session=False)).all())
