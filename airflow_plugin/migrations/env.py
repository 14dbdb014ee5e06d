"""How Alembic runs our migrations: on Airflow's engine, our tables only, a version table of our own."""

from __future__ import annotations

from typing import Any

from airflow import settings
from alembic import context

from airflow_plugin.compat import engine
from airflow_plugin.db import EdgeAgentDBManager

METADATA = EdgeAgentDBManager.metadata
OPTIONS: dict[str, Any] = {
    "target_metadata": METADATA,
    "version_table": EdgeAgentDBManager.version_table_name,
    "compare_type": True,
    "render_as_batch": True,
}


def is_ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    """Leave every table of Airflow's and of other plugins alone."""
    return kind != "table" or name in {table.name for table in METADATA.tables.values()}


if context.is_offline_mode():
    context.configure(url=settings.SQL_ALCHEMY_CONN, literal_binds=True, include_object=is_ours, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine().connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, include_object=is_ours, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
