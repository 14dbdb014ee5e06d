"""Take commands: whose they are, what makes two of them one, and the task instance they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from airflow_plugin.compat import schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = schema()
TABLE = "edge_agent_job"
OPEN = "state IN ('offered', 'queued', 'running')"
INDEXES = {
    "key": ("submit_key", "submit_key IS NOT NULL", True),
    "family": ("family", f"family IS NOT NULL AND {OPEN}", True),
    "tie": ("tie_id", f"tie_id IS NOT NULL AND {OPEN}", False),
}


def upgrade() -> None:
    """Add the columns, which a server of the release before does not look at, and their indexes."""
    for column in _columns():
        op.add_column(TABLE, column, schema=SCHEMA)
    for name, (column_name, where, is_unique) in INDEXES.items():
        condition = sa.text(where)
        op.create_index(
            f"ix_{TABLE}_{name}",
            TABLE,
            [column_name],
            unique=is_unique,
            schema=SCHEMA,
            postgresql_where=condition,
            sqlite_where=condition,
        )


def downgrade() -> None:
    """Remove them. Commands that are open go on, and nobody can ask for them any more."""
    for name in INDEXES:
        op.drop_index(f"ix_{TABLE}_{name}", table_name=TABLE, schema=SCHEMA)
    for column in reversed(_columns()):
        op.drop_column(TABLE, column.name, schema=SCHEMA)


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("command_name", sa.String(length=250), nullable=True),
        sa.Column("submit_token_id", sa.Uuid(), nullable=True),
        sa.Column("submit_key", sa.String(length=32), nullable=True),
        sa.Column("family", sa.String(length=32), nullable=True),
        sa.Column("tie_id", sa.Uuid(), nullable=True),
        sa.Column("tied", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("streams", sa.String(length=8), nullable=True),
        sa.Column("read_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    ]
