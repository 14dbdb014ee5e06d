"""Tokens and their secrets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from airflow_plugin.models.base import ID_LENGTH, Base, table


class TokenRow(Base):
    """A token: lets agents register, or operators submit. What it allows; its secrets are hashes elsewhere."""

    __tablename__ = "edge_agent_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16), server_default=text("'agent'"))
    description: Mapped[str | None] = mapped_column(String(1000))
    queues: Mapped[list[str] | None] = mapped_column(JSON, doc="null: any queue")
    agents: Mapped[list[str] | None] = mapped_column(JSON, doc="patterns of names; null: any name")
    addresses: Mapped[list[str] | None] = mapped_column(JSON, doc="networks; null: from anywhere")
    run_as_users: Mapped[list[str] | None] = mapped_column(JSON, doc="of a submit token; null: none")
    connections: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), doc="patterns of Airflow's connections its agents' tasks may have; null: any"
    )
    variables: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True), doc="the same of variables")
    team_name: Mapped[str | None] = mapped_column(String(50))
    max_agents: Mapped[int | None] = mapped_column(doc="names that live on it; null: any number")
    one_time: Mapped[bool] = mapped_column(server_default=false(), doc="the first name is the only one")
    enrolled_agent: Mapped[str | None] = mapped_column(String(64), doc="that name, of a one-time token")
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    expires_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_used_by: Mapped[str | None] = mapped_column(String(64), doc="agent name")
    last_used_address: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("kind IN ('agent', 'submit')", name="kind_known"),)


class SecretRow(Base):
    """A secret of a token: the current one, and for a while the ones before. Never the secret itself."""

    __tablename__ = "edge_agent_token_secret"

    prefix: Mapped[str] = mapped_column(String(16), primary_key=True, doc="public part, to find the row by")
    token_id: Mapped[UUID] = mapped_column(ForeignKey(f"{table('edge_agent_token')}.id", ondelete="CASCADE"))
    secret_hash: Mapped[str] = mapped_column(String(80), doc="key id and HMAC-SHA256 of 256 random bits, hex")
    created_at: Mapped[datetime]
    replaced_until: Mapped[datetime | None] = mapped_column(
        doc="null: the current one, valid as long as the token; else replaced, and valid until then"
    )
