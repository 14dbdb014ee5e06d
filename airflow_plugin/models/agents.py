"""Agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, Double, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from airflow_plugin.models.base import ID_LENGTH, Base, among, partial, table
from edge_agent.protocol import AgentState


class AgentRow(Base):
    """An agent, by its stable name. Outlives its sessions; a cordon stands until it is lifted."""

    __tablename__ = "edge_agent"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    team_name: Mapped[str | None] = mapped_column(String(50))
    token_id: Mapped[UUID | None] = mapped_column(ForeignKey(f"{table('edge_agent_token')}.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[UUID | None] = mapped_column(unique=True)
    session_hash: Mapped[str | None] = mapped_column(String(80))
    session_expires_at: Mapped[datetime | None] = mapped_column(doc="when that token is over")
    session_seed: Mapped[str | None] = mapped_column(String(32), doc="what the next token is derived with")
    next_session_hash: Mapped[str | None] = mapped_column(String(80), doc="told, and not yet shown by a beat")
    host_key: Mapped[str] = mapped_column(String(43), doc="public key of the host that the name belongs to")
    re_enrol_until: Mapped[datetime | None] = mapped_column(doc="until then another host may have the name")
    host_conflicts: Mapped[int] = mapped_column(server_default=text("0"), doc="how often another asked for it")
    host_conflict_at: Mapped[datetime | None] = mapped_column(doc="the last time")
    host_conflict_hostname: Mapped[str | None] = mapped_column(String(255))
    host_conflict_address: Mapped[str | None] = mapped_column(String(64))
    instance: Mapped[UUID]
    previous_session_id: Mapped[UUID | None] = mapped_column(doc="to tell its owner that it was superseded")
    previous_instance: Mapped[UUID | None]
    registered_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    beat: Mapped[int] = mapped_column(BigInteger, doc="number of the last beat of this session")
    heartbeat_seconds: Mapped[float | None] = mapped_column(Double, doc="null: the configured one")
    missed_heartbeats: Mapped[int | None] = mapped_column(doc="null: the configured one")

    hostname: Mapped[str] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(64))
    protocol_version: Mapped[int]
    queues: Mapped[list[str]] = mapped_column(JSON)
    queues_override: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True), doc="by an admin")
    capabilities: Mapped[dict[str, Any]] = mapped_column(JSON)
    versions: Mapped[dict[str, Any]] = mapped_column(JSON)
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    figures: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), deferred=True, doc="its own metrics, as last sent; read by who hands them on"
    )
    slots: Mapped[int]
    slots_override: Mapped[int | None] = mapped_column(doc="by an admin")
    free_slots: Mapped[int]

    cordoned_at: Mapped[datetime | None]
    cordoned_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    cordon_reason: Mapped[str | None] = mapped_column(String(1000))
    cordon_expires_at: Mapped[datetime | None]
    drain_requested_at: Mapped[datetime | None]
    drain_deadline: Mapped[datetime | None]
    stops_at: Mapped[datetime | None] = mapped_column(doc="when what still runs on it is ended, so that it stops")
    nudged: Mapped[bool] = mapped_column(
        server_default=false(), doc="something was decided about it that its poll must hear at once"
    )

    __table_args__ = (
        CheckConstraint(f"state IN ({among(AgentState)})", name="state_known"),
        CheckConstraint("state <> 'connected' OR session_id IS NOT NULL", name="connected_has_session"),
        # The watcher, ten times a second: whom to wake for a directive.
        partial("ix_edge_agent_nudged", "name", where="nudged"),
        # Authentication: a session that is not current, to say what became of it.
        Index("ix_edge_agent_previous", "previous_session_id"),
        # None for the reaper's search for silent agents: each has its own patience, so that every row
        # must be looked at, and an index on last_seen_at would make each heartbeat write it too.
    )
