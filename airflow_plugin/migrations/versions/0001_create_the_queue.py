"""Create the queue: tokens, agents, what happened to them, jobs and their logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from airflow_plugin.compat import UtcDateTime, schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = schema()
QUEUED = "state = 'queued'"
HELD = "state IN ('offered', 'running')"
ENDED = "state IN ('cancelled', 'failed', 'succeeded')"
ON_SQLITE = {"notify": "notify = 1", "nudged": "nudged = 1", "NOT settled": "settled = 0"}
LOG_IS_DUE = "ended_at IS NOT NULL AND log_uploaded_at IS NULL AND workload_type = 'ExecuteTask'"


def upgrade() -> None:
    """Make everything."""
    _create_tokens()
    _create_agents()
    _create_jobs()
    _index_jobs()
    _create_logs()
    _create_past()
    if op.get_bind().dialect.name == "postgresql":
        _keep_the_queue_clean()


def downgrade() -> None:
    """Remove everything."""
    for name in ("_sample", "_event", "_log", "_job", "", "_token_secret", "_token"):
        op.drop_table(f"edge_agent{name}", schema=SCHEMA)


def _index(table: str, name: str, columns: list[str], where: str | None = None, *, unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    on_sqlite = sa.text(ON_SQLITE.get(where, where)) if where else None
    op.create_index(
        name, table, columns, unique=unique, schema=SCHEMA, postgresql_where=condition, sqlite_where=on_sqlite
    )


def _ours(table: str) -> str:
    return f"{SCHEMA}.{table}" if SCHEMA else table


def _create_tokens() -> None:
    op.create_table(
        "edge_agent_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), server_default=sa.text("'agent'"), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=True),
        sa.Column("queues", sa.JSON(), nullable=True),
        sa.Column("agents", sa.JSON(), nullable=True),
        sa.Column("addresses", sa.JSON(), nullable=True),
        sa.Column("run_as_users", sa.JSON(), nullable=True),
        sa.Column("connections", sa.JSON(), nullable=True),
        sa.Column("variables", sa.JSON(), nullable=True),
        sa.Column("team_name", sa.String(length=50), nullable=True),
        sa.Column("max_agents", sa.Integer(), nullable=True),
        sa.Column("one_time", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("enrolled_agent", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=250), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("rotated_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_by", sa.String(length=64), nullable=True),
        sa.Column("last_used_address", sa.String(length=64), nullable=True),
        sa.CheckConstraint("kind IN ('agent', 'submit')", name=op.f("ck_edge_agent_token_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("edge_agent_token_pkey")),
        sa.UniqueConstraint("name", name=op.f("edge_agent_token_name_uq")),
        schema=SCHEMA,
    )
    op.create_table(
        "edge_agent_token_secret",
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["token_id"],
            [_ours("edge_agent_token") + ".id"],
            name=op.f("edge_agent_token_secret_token_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("prefix", name=op.f("edge_agent_token_secret_pkey")),
        schema=SCHEMA,
    )


def _create_agents() -> None:
    op.create_table(
        "edge_agent",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("team_name", sa.String(length=50), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("session_hash", sa.String(length=80), nullable=True),
        sa.Column("session_expires_at", UtcDateTime(), nullable=True),
        sa.Column("session_seed", sa.String(length=32), nullable=True),
        sa.Column("next_session_hash", sa.String(length=80), nullable=True),
        sa.Column("host_key", sa.String(length=43), nullable=False),
        sa.Column("re_enrol_until", UtcDateTime(), nullable=True),
        sa.Column("host_conflicts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("host_conflict_at", UtcDateTime(), nullable=True),
        sa.Column("host_conflict_hostname", sa.String(length=255), nullable=True),
        sa.Column("host_conflict_address", sa.String(length=64), nullable=True),
        sa.Column("instance", sa.Uuid(), nullable=False),
        sa.Column("previous_session_id", sa.Uuid(), nullable=True),
        sa.Column("previous_instance", sa.Uuid(), nullable=True),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_seconds", sa.Double(), nullable=True),
        sa.Column("missed_heartbeats", sa.Integer(), nullable=True),
        sa.Column("hostname", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("protocol_version", sa.Integer(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("queues_override", sa.JSON(), nullable=True),
        sa.Column("capabilities", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("health", sa.JSON(), nullable=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("slots_override", sa.Integer(), nullable=True),
        sa.Column("free_slots", sa.Integer(), nullable=False),
        sa.Column("cordoned_at", UtcDateTime(), nullable=True),
        sa.Column("cordoned_by", sa.String(length=250), nullable=True),
        sa.Column("cordon_reason", sa.String(length=1000), nullable=True),
        sa.Column("cordon_expires_at", UtcDateTime(), nullable=True),
        sa.Column("drain_requested_at", UtcDateTime(), nullable=True),
        sa.Column("drain_deadline", UtcDateTime(), nullable=True),
        sa.Column("stops_at", UtcDateTime(), nullable=True),
        sa.Column("nudged", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "state <> 'connected' OR session_id IS NOT NULL", name=op.f("ck_edge_agent_connected_has_session")
        ),
        sa.CheckConstraint("state IN ('connected', 'lost', 'offline')", name=op.f("ck_edge_agent_state_known")),
        sa.ForeignKeyConstraint(
            ["token_id"],
            [_ours("edge_agent_token") + ".id"],
            name=op.f("edge_agent_token_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("edge_agent_pkey")),
        sa.UniqueConstraint("session_id", name=op.f("edge_agent_session_id_uq")),
        schema=SCHEMA,
    )
    _index("edge_agent", "ix_edge_agent_previous", ["previous_session_id"])
    _index("edge_agent", "ix_edge_agent_nudged", ["name"], "nudged")


def _create_jobs() -> None:
    op.create_table(
        "edge_agent_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("message", sa.String(length=2000), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("signal", sa.Integer(), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("team_name", sa.String(length=50), nullable=True),
        sa.Column("requires", sa.JSON(), nullable=False),
        sa.Column("placement", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("priority_weight", sa.BigInteger(), nullable=False),
        sa.Column("runner", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=800), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("queue_deadline", UtcDateTime(), nullable=True),
        sa.Column("lost_wait_seconds", sa.Double(), nullable=True),
        sa.Column("agent_name", sa.String(length=64), nullable=True),
        sa.Column("hostname", sa.String(length=255), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("offered_at", UtcDateTime(), nullable=True),
        sa.Column("offer_expires_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ran_seconds", sa.Double(), nullable=True),
        sa.Column("silent_beat", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancel_requested_at", UtcDateTime(), nullable=True),
        sa.Column("cancel_reason", sa.String(length=1000), nullable=True),
        sa.Column("log_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("log_full", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("log_uploaded_at", UtcDateTime(), nullable=True),
        sa.Column("log_upload_after", UtcDateTime(), nullable=True),
        sa.Column("workload_type", sa.String(length=32), nullable=True),
        sa.Column("workload_id", sa.Uuid(), nullable=True),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("try_number", sa.Integer(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("notify", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            f"({ENDED}) = (ended_at IS NOT NULL) AND ({ENDED}) = (reason IS NOT NULL)",
            name=op.f("ck_edge_agent_job_ended_has_reason"),
        ),
        sa.CheckConstraint(
            f"NOT ({HELD}) OR (assignment_id IS NOT NULL AND session_id IS NOT NULL AND agent_name IS NOT NULL)",
            name=op.f("ck_edge_agent_job_held_has_holder"),
        ),
        sa.CheckConstraint("state <> 'queued' OR assignment_id IS NULL", name=op.f("ck_edge_agent_job_queued_is_free")),
        sa.CheckConstraint(
            "state IN ('cancelled', 'failed', 'offered', 'queued', 'running', 'succeeded')",
            name=op.f("ck_edge_agent_job_state_known"),
        ),
        sa.CheckConstraint("slots >= 1", name=op.f("ck_edge_agent_job_slots_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("edge_agent_job_pkey")),
        schema=SCHEMA,
    )


def _index_jobs() -> None:
    _index("edge_agent_job", "ix_edge_agent_job_assignment", ["assignment_id"], unique=True)
    _index("edge_agent_job", "ix_edge_agent_job_deadline", ["queue_deadline"], QUEUED)
    _index("edge_agent_job", "ix_edge_agent_job_ended", ["ended_at"], "ended_at IS NOT NULL")
    _index("edge_agent_job", "ix_edge_agent_job_held", ["agent_name", "assignment_id"], HELD)
    _index("edge_agent_job", "ix_edge_agent_job_newest", ["queued_at", "id"])
    _index("edge_agent_job", "ix_edge_agent_job_notify", ["owner"], "notify")
    _index("edge_agent_job", "ix_edge_agent_job_offer", ["offer_expires_at"], "state = 'offered'")
    _index("edge_agent_job", "ix_edge_agent_job_past", ["agent_name", "queued_at"], "ended_at IS NOT NULL")
    _index("edge_agent_job", "ix_edge_agent_job_queued", ["placement", "rank"], QUEUED)
    _index("edge_agent_job", "ix_edge_agent_job_try", ["dag_id", "run_id", "task_id", "map_index", "try_number"])
    _index("edge_agent_job", "ix_edge_agent_job_unsettled", ["owner", "id"], "NOT settled")
    _index("edge_agent_job", "ix_edge_agent_job_upload", ["ended_at"], LOG_IS_DUE)
    _index("edge_agent_job", "ix_edge_agent_job_workload", ["workload_id"])


def _keep_the_queue_clean() -> None:
    """Let Postgres vacuum after hundreds of dead rows, not a fifth of the table: each job leaves several."""
    settings = "autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.02"
    op.execute(f"ALTER TABLE {_ours('edge_agent_job')} SET ({settings})")


def _create_logs() -> None:
    op.create_table(
        "edge_agent_log",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("start_offset", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], [_ours("edge_agent_job") + ".id"], name=op.f("edge_agent_log_job_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("assignment_id", "start_offset", name=op.f("edge_agent_log_pkey")),
        schema=SCHEMA,
    )
    _index("edge_agent_log", "idx_edge_agent_log_job_id", ["job_id"])


def _create_past() -> None:
    op.create_table(
        "edge_agent_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agent_name", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.String(length=size), nullable=True) for name, size in (("by", 250), ("reason", 1000))),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("edge_agent_event_pkey")),
        schema=SCHEMA,
    )
    _index("edge_agent_event", "ix_edge_agent_event_agent", ["agent_name", "id"])
    _index("edge_agent_event", "ix_edge_agent_event_at", ["at"])
    op.create_table(
        "edge_agent_sample",
        sa.Column("agent_name", sa.String(length=64), nullable=False),
        *(sa.Column(name, UtcDateTime(), nullable=False) for name in ("at", "taken_at")),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        *(sa.Column(f"{of}_seconds", sa.Double(), nullable=False) for of in ("session", "silent", "heartbeat")),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("slots", "used_slots", "running")),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("load_1m", "memory_used")),
        sa.Column("disk_free_bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("agent_name", "at", name=op.f("edge_agent_sample_pkey")),
        schema=SCHEMA,
    )
    _index("edge_agent_sample", "ix_edge_agent_sample_at", ["at"])
