"""How agents were from minute to minute: sampled for all of them by one statement, never written by a beat."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from sqlalchemy import select

from airflow_plugin import clock
from edge_agent.protocol import AgentState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STEP_SECONDS = 60
MOST_HOURS = 24


class Sample(BaseModel):
    """An agent at the end of a minute."""

    at: datetime
    state: AgentState
    heard: int = Field(description="Heartbeats that came in this minute, of those expected.")
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


def history(session: Session, agent: str, *, hours: float) -> History:  # noqa: ARG001  to come
    """Return how an agent was in the last hours."""
    return History(step_seconds=STEP_SECONDS, samples=[], server_time=session.scalars(select(clock.now())).one())
