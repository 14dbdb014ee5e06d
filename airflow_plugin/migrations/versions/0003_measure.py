"""Measure: what agents send of their own metrics, and who hands them on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from airflow_plugin.compat import UtcDateTime, schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = schema()


def upgrade() -> None:
    """Add a column that a server of the release before does not look at, and a table of its own."""
    op.add_column("edge_agent", sa.Column("figures", sa.JSON(), nullable=True), schema=SCHEMA)
    op.create_table(
        "edge_agent_duty",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("edge_agent_duty_pkey")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Remove them. Agents send their metrics again when they are asked to."""
    op.drop_table("edge_agent_duty", schema=SCHEMA)
    op.drop_column("edge_agent", "figures", schema=SCHEMA)
