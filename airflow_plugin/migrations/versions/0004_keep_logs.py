"""Know of a job whose log does not pass the queue where it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from airflow_plugin.compat import schema

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = schema()
TABLE = "edge_agent_job"


def upgrade() -> None:
    """Add the column, which a server of the release before does not look at."""
    op.add_column(TABLE, sa.Column("log_kept", sa.String(length=8), nullable=True), schema=SCHEMA)


def downgrade() -> None:
    """Remove it. What agents have said about such logs is taken for the logs from then on."""
    op.drop_column(TABLE, "log_kept", schema=SCHEMA)
