"""Duties that only one process has at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from airflow_plugin.models.base import Base


class DutyRow(Base):
    """A duty, and which API server process has it."""

    __tablename__ = "edge_agent_duty"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[UUID] = mapped_column(doc="one of a process; says nothing about it")
    held_until: Mapped[datetime]
