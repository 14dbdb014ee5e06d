"""The duty that judges: silent agents, expired offers, jobs nobody took, and what is old enough to go.

Every replica runs it; each step is one guarded statement, so that two at once do what one would do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments, events, jobs, logs, samples, steering, tokens
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.steps import agents_at_hand, at_hand, lock
from airflow_plugin.queue.wording import how_long, so_many
from edge_agent.protocol import AgentState, EndReason, JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

PAUSE_SECONDS = 5.0
"""A longer gap between two runs means that this process was not there to hear anybody. Where an agent may be
silent for less than that, so is the gap; but not less than the usual one (2 s) and a little."""

LEAST_PAUSE_SECONDS = 2.5

NOT_HEARD = "The agent was not heard from for too long; Airflow may retry elsewhere."


@dataclass(frozen=True)
class Reaped:
    """What one run did."""

    lost_agents: list[str] = field(default_factory=list)
    failed: int = 0
    expired: int = 0
    gave_up: int = 0
    uncordoned: list[str] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether there was something to do."""
        return self != Reaped()


class Reaper:
    """Judges at most what this process was there to hear.

    Our outage is not their fault: after a start, and after any pause in which nothing could be heard
    (the machine slept, the database was away), no agent is judged, and no job in the queue given up,
    before a full silence has passed in which this process did listen.
    """

    def __init__(self, config: QueueConfig, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._monotonic = monotonic
        silence = config.heartbeat_seconds * config.missed_heartbeats
        self._silence_seconds = silence
        self._pause_seconds = min(PAUSE_SECONDS, max(silence, LEAST_PAUSE_SECONDS))
        self._listening_since = self._last_run = monotonic()
        self._last_epoch: float | None = None

    def run_once(self, session: Session) -> Reaped:
        """Do every duty once. The caller commits, or rolls back and calls :meth:`interrupted`.

        Agents come before jobs: whoever changes both takes them in this order.
        """
        self._notice_pause(session)
        uncordoned = steering.lift_expired(session)
        listened = self._last_run - self._listening_since
        silence: dict[str, Any] = {
            "heartbeat_seconds": self._config.heartbeat_seconds,
            "missed_heartbeats": self._config.missed_heartbeats,
            "listened_seconds": listened,
        }
        names, failed, returned = lost(session, **silence)
        failed += waited_out(session, **silence)
        overdue = (JobRow.state == JobState.OFFERED) & (JobRow.offer_expires_at < clock.now())
        expired = assignments.expire(session, at_hand(overdue))
        # Nobody could take a job while it could not be offered: agents get the time to come back for it.
        gave_up = jobs.give_up_waiting(session) if listened >= self._silence_seconds else 0
        return Reaped(names, failed, expired + returned, gave_up, uncordoned)

    def interrupted(self) -> None:
        """Note that a run failed: agents could not be heard either, so listening begins anew."""
        self._listening_since = self._monotonic()

    def purge_once(self, session: Session) -> int:
        """Delete what is old enough; return how many rows. Rarely called: it is not urgent."""
        chunks = logs.purge(session, self._config.log_retention_days)
        ended = jobs.purge(session, self._config.job_retention_days)
        past = events.purge(session, self._config.event_retention_days)
        past += samples.purge(session, self._config.history_hours)
        return chunks + ended + past + tokens.purge(session, self._config.token_retention_days)

    def _notice_pause(self, session: Session) -> None:
        # By two clocks: this host's stands still while a machine sleeps, the database's does not, and
        # it is the database's that agents are judged by. Asked before judging, because an answer that
        # took long means that no agent could be heard either.
        epoch = session.scalar(select(clock.epoch())) or 0.0
        now = self._monotonic()
        gap = max(now - self._last_run, epoch - (self._last_epoch or epoch))
        if gap > self._pause_seconds:
            self._listening_since = now
        self._last_run, self._last_epoch = now, epoch


def lost(
    session: Session, *, heartbeat_seconds: float, missed_heartbeats: int, listened_seconds: float
) -> tuple[list[str], int, int]:
    """Mark silent agents lost and take what they held; return their names, jobs failed, offers returned.

    ``listened_seconds``: for how long this process has been there to hear them. An agent whose own
    patience is longer than that is not judged yet. A job that waits for its agent is left to
    :func:`waited_out`.
    """
    allowed = _allowed_seconds(heartbeat_seconds, missed_heartbeats)
    connected = AgentRow.state == AgentState.CONNECTED
    overdue = (AgentRow.last_seen_at < clock.in_seconds(-allowed)) & (allowed <= listened_seconds)
    silent = (
        update(AgentRow)
        .where(agents_at_hand(connected & overdue))
        .values(state=AgentState.LOST, free_slots=0)
        .returning(AgentRow.name, allowed.label("allowed"))
        .execution_options(synchronize_session=False)
    )
    patience = {row.name: row.allowed for row in session.execute(silent)}
    names = list(patience)
    if not names:
        return [], 0, 0
    theirs = JobRow.agent_name.in_(names)
    lock(session, theirs & assignments.OPEN)
    _note_lost(session, patience)
    returned = assignments.expire(session, theirs & (JobRow.state == JobState.OFFERED))
    running = theirs & (JobRow.state == JobState.RUNNING) & JobRow.lost_wait_seconds.is_(None)
    failed = assignments.lose(session, running, EndReason.AGENT_LOST, NOT_HEARD)
    return names, failed, returned


def _note_lost(session: Session, patience: dict[str, float]) -> None:
    """Note that agents are lost, each with what becomes of its work. ``patience``: how long they may be silent."""
    of = (func.coalesce(JobRow.agent_name, ""), JobRow.state, JobRow.lost_wait_seconds.is_not(None).label("waits"))
    theirs = JobRow.agent_name.in_(patience) & assignments.OPEN
    work: dict[str, list[str]] = {name: [] for name in patience}
    for agent, state, waits, count in session.execute(select(*of, func.count()).where(theirs).group_by(*of)):
        if state == JobState.OFFERED:
            work[agent].append(f"{so_many(count, 'offer')} went back to the queue")
        else:
            work[agent].append(f"{so_many(count, 'job')} {'left waiting for it' if waits else 'failed'}")
    texts = {
        name: f"Not heard from for {how_long(patience[name])}: {', '.join(sorted(work[name])) or 'it had no jobs'}."
        for name in patience
    }
    events.record_all(session, EventKind.LOST, texts)


def waited_out(session: Session, *, heartbeat_seconds: float, missed_heartbeats: int, listened_seconds: float) -> int:
    """Fail the jobs that have waited for their lost agent for long enough, or that nobody wants; return how many.

    An agent that is lost comes back by registering, which it cannot while no server is there: the time is
    not over before this process has listened for as long as it takes to lose an agent.
    """
    allowed = _allowed_seconds(heartbeat_seconds, missed_heartbeats)
    over = AgentRow.last_seen_at < clock.in_seconds(-func.coalesce(JobRow.lost_wait_seconds, 0.0))
    unwanted = JobRow.cancel_requested_at.is_not(None)
    gone = exists().where(
        AgentRow.name == JobRow.agent_name,
        AgentRow.state == AgentState.LOST,
        or_(unwanted, over & (allowed <= listened_seconds)),
    )
    due = (JobRow.state == JobState.RUNNING) & gone
    return assignments.lose(session, at_hand(due), EndReason.AGENT_LOST, NOT_HEARD)


def _allowed_seconds(heartbeat_seconds: float, missed_heartbeats: int) -> ColumnElement[float]:
    """Return how long an agent may be silent, its own patience or the configured one."""
    interval = func.coalesce(AgentRow.heartbeat_seconds, heartbeat_seconds)
    return interval * func.coalesce(AgentRow.missed_heartbeats, missed_heartbeats)
