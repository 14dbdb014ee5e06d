"""What every table has in common: where it is, how its columns are typed, how its constraints are named."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, MetaData, Uuid, text
from sqlalchemy.orm import DeclarativeBase

from airflow_plugin.compat import UtcDateTime, naming_convention, schema
from edge_agent.protocol import AgentState, JobState

ID_LENGTH = 250
"""Length of Airflow's own ids (``airflow.models.base.ID_LEN``)."""

SCHEMA = schema()


def among(states: frozenset[JobState] | type[JobState | AgentState]) -> str:
    """Return the states as an SQL list, in a fixed order so that migrations do not move."""
    return ", ".join(f"'{state.value}'" for state in sorted(states))


class Base(DeclarativeBase):
    """Metadata of our own, so that ``airflow db migrate`` keeps our tables apart from Airflow's."""

    metadata = MetaData(schema=SCHEMA, naming_convention=naming_convention)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads this as a class attribute
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        UUID: Uuid(),
    }


def table(name: str) -> str:
    """Return a table's name as a foreign key needs it."""
    return f"{SCHEMA}.{name}" if SCHEMA else name


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows that meet a condition."""
    # SQLite has no booleans and takes an index only for a condition in the very words of its own.
    sqlite = {"notify": "notify = 1", "nudged": "nudged = 1", "NOT settled": "settled = 0"}.get(where, where)
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(sqlite))
