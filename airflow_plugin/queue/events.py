"""What happened to agents, for the people who ask: written in the transaction in which it happens.

What if it dies here? Then neither stands: not what happened, and not that it did. Events outlive their agent.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


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


def listed(session: Session, agent: str, *, limit: int, before: int | None = None) -> Events:  # noqa: ARG001  to come
    """Return what happened to an agent, the newest first. ``before``: only what is older than that event."""
    return Events(events=[], more=False)
