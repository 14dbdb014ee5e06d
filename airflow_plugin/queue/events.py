"""What happened to agents, for the people who ask: written in the transaction in which it happens.

What if it dies here? Then neither stands: not what happened, and not that it did. Events outlive their agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy import delete, insert, select

from airflow_plugin import clock
from airflow_plugin.models import EventRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_TEXT = 2000


class EventKind(StrEnum):
    """What sort of thing happened to an agent."""

    REGISTERED = "registered"
    """A new name, or one that had left, has a session."""

    RETURNED = "returned"
    """It was lost, and has registered again."""

    RESTARTED = "restarted"
    """Another process of the same host took over from the one before."""

    SUPERSEDED = "superseded"
    """A process on another host took the name over from one that was there."""

    LOST = "lost"
    """It was not heard from for as long as it may be silent."""

    LEFT = "left"
    """It ended its session in order."""

    CORDONED = "cordoned"
    """An admin lets it be offered nothing new."""

    UNCORDONED = "uncordoned"
    """An admin lets it be offered work again."""

    CORDON_EXPIRED = "cordon_expired"
    """The time of its cordon was over."""

    DRAINING = "draining"
    """An admin lets it stop when its work is done."""

    STOPPING = "stopping"
    """An admin lets it stop soon, whatever runs."""

    CHANGED = "changed"
    """It has other slots or queues than it had."""

    TOKEN_CHANGED = "token_changed"  # noqa: S105  not a secret
    """It registered with another token than before."""

    TOKEN_REVOKED = "token_revoked"  # noqa: S105  not a secret
    """Its session ended with the token, or the secret, that opened it."""

    HOST_CONFLICT = "host_conflict"
    """Another host asked for its name and was refused."""

    RE_ENROL = "re_enrol"
    """An admin lets another host have its name."""

    DELETED = "deleted"
    """An admin deleted it."""


class EventView(BaseModel):
    """Something that happened to an agent. ``by``: who decided it; ``text``: one sentence for people."""

    id: int
    at: datetime
    kind: EventKind
    by: str | None
    reason: str | None
    text: str


class Events(BaseModel):
    """The newest first; ``more``: whether there are older ones."""

    events: list[EventView]
    more: bool


def record(
    session: Session, agent: str, kind: EventKind, text: str, *, by: str | None = None, reason: str | None = None
) -> None:
    """Note what happens to an agent in this transaction."""
    record_all(session, kind, {agent: text}, by=by, reason=reason)


def record_all(
    session: Session, kind: EventKind, texts: Mapping[str, str], *, by: str | None = None, reason: str | None = None
) -> None:
    """Note that the same sort of thing happens to several agents: what to say of each, by its name."""
    if texts:
        alike = insert(EventRow).values(at=clock.now(), kind=kind, by=by, reason=reason)
        session.execute(alike, [{"agent_name": agent, "text": text[:MAX_TEXT]} for agent, text in texts.items()])


def listed(session: Session, agent: str, *, limit: int, before: int | None = None) -> Events:
    """Return what happened to an agent, the newest first. ``before``: only what is older than that event."""
    found = select(EventRow).where(EventRow.agent_name == agent).order_by(EventRow.id.desc()).limit(limit + 1)
    if before is not None:
        found = found.where(EventRow.id < before)
    rows = list(session.scalars(found))
    seen = [EventView.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Events(events=seen, more=len(rows) > limit)


def purge(session: Session, days: float) -> int:
    """Delete events of that age; return how many."""
    gone = delete(EventRow).where(EventRow.at < clock.in_seconds(-days * 86_400)).returning(EventRow.id)
    return len(session.execute(gone.execution_options(synchronize_session=False)).all())
