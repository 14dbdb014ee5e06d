"""What was: what happened to agents, and how they were from minute to minute."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Double, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from airflow_plugin.models.base import ID_LENGTH, Base


class EventRow(Base):
    """Something that happened to an agent. Outlives it."""

    __tablename__ = "edge_agent_event"

    # SQLite numbers by itself what is an INTEGER and nothing else.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    agent_name: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    by: Mapped[str | None] = mapped_column(String(ID_LENGTH), doc="who decided it; null: nobody did, it happened")
    reason: Mapped[str | None] = mapped_column(String(1000))
    text: Mapped[str] = mapped_column(String(2000), doc="a sentence for people")

    __table_args__ = (
        # What happened to an agent, the newest first.
        Index("ix_edge_agent_event_agent", "agent_name", "id"),
        # The purge.
        Index("ix_edge_agent_event_at", "at"),
    )


class SampleRow(Base):
    """An agent as it stood in a minute. What came of its heartbeats is seen by the sample before."""

    __tablename__ = "edge_agent_sample"

    agent_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, doc="the beginning of the minute")
    taken_at: Mapped[datetime] = mapped_column(doc="when in the minute")
    state: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[UUID | None]
    session_seconds: Mapped[float] = mapped_column(Double, doc="how long ago it had registered")
    silent_seconds: Mapped[float] = mapped_column(Double, doc="how long ago it had been heard")
    heartbeat_seconds: Mapped[float] = mapped_column(Double, doc="between two of its heartbeats, as was in force")
    beat: Mapped[int] = mapped_column(BigInteger, doc="number of the last beat of that session")
    slots: Mapped[int]
    used_slots: Mapped[int]
    running: Mapped[int]
    load_1m: Mapped[float | None] = mapped_column(Double)
    memory_used: Mapped[float | None] = mapped_column(Double, doc="part of all, 0 to 1")
    disk_free_bytes: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        # The purge. Without a reference to the agent: each row would lock it.
        Index("ix_edge_agent_sample_at", "at"),
    )
