"""The tables. Constraints hold the invariants; every index names the query it is there for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from airflow_plugin.compat import UtcDateTime, naming_convention, schema
from airflow_plugin.sealed import Sealed
from edge_agent.protocol import OPEN, TERMINAL, AgentState, JobState
from edge_agent.protocol.signatures import MAX_SIGNATURE

ID_LENGTH = 250
"""Length of Airflow's own ids (``airflow.models.base.ID_LEN``)."""

SCHEMA = schema()


def _among(states: frozenset[JobState] | type[JobState | AgentState]) -> str:
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


def _table(name: str) -> str:
    return f"{SCHEMA}.{name}" if SCHEMA else name


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    # SQLite has no booleans and takes an index only for a condition in the very words of its own.
    sqlite = {"notify": "notify = 1", "nudged": "nudged = 1", "NOT settled": "settled = 0"}.get(where, where)
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(sqlite))


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
    token_id: Mapped[UUID] = mapped_column(ForeignKey(f"{_table('edge_agent_token')}.id", ondelete="CASCADE"))
    secret_hash: Mapped[str] = mapped_column(String(80), doc="key id and HMAC-SHA256 of 256 random bits, hex")
    created_at: Mapped[datetime]
    replaced_until: Mapped[datetime | None] = mapped_column(
        doc="null: the current one, valid as long as the token; else replaced, and valid until then"
    )


class AgentRow(Base):
    """An agent, by its stable name. Outlives its sessions; a cordon stands until it is lifted."""

    __tablename__ = "edge_agent"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    team_name: Mapped[str | None] = mapped_column(String(50))
    token_id: Mapped[UUID | None] = mapped_column(ForeignKey(f"{_table('edge_agent_token')}.id", ondelete="SET NULL"))
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
    queues_override: Mapped[list[str] | None] = mapped_column(JSON)
    capabilities: Mapped[dict[str, Any]] = mapped_column(JSON)
    versions: Mapped[dict[str, Any]] = mapped_column(JSON)
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    slots: Mapped[int]
    slots_override: Mapped[int | None]
    free_slots: Mapped[int]

    cordoned_at: Mapped[datetime | None]
    cordoned_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    cordon_reason: Mapped[str | None] = mapped_column(String(1000))
    cordon_expires_at: Mapped[datetime | None]
    drain_requested_at: Mapped[datetime | None]
    drain_deadline: Mapped[datetime | None]
    nudged: Mapped[bool] = mapped_column(
        server_default=false(), doc="something was decided about it that its poll must hear at once"
    )

    __table_args__ = (
        CheckConstraint(f"state IN ({_among(AgentState)})", name="state_known"),
        CheckConstraint("state <> 'connected' OR session_id IS NOT NULL", name="connected_has_session"),
        # The watcher, ten times a second: whom to wake for a directive.
        _partial("ix_edge_agent_nudged", "name", where="nudged"),
        # Authentication: a session that is not current, to say what became of it.
        Index("ix_edge_agent_previous", "previous_session_id"),
        # None for the reaper's search for silent agents: each has its own patience, so that every row
        # must be looked at, and an index on last_seen_at would make each heartbeat write it too.
    )


_HELD = f"state IN ({_among(OPEN - {JobState.QUEUED})})"
_ENDED = f"state IN ({_among(TERMINAL)})"
LOG_IS_DUE = "ended_at IS NOT NULL AND log_uploaded_at IS NULL AND workload_type = 'ExecuteTask'"


class JobRow(Base):
    """One piece of work: one row per queueing, never reused, whatever Airflow's key for it is."""

    __tablename__ = "edge_agent_job"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(String(2000))
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]

    queue: Mapped[str] = mapped_column(String(256))
    team_name: Mapped[str | None] = mapped_column(String(50))
    requires: Mapped[dict[str, Any]] = mapped_column(JSON)
    placement: Mapped[str] = mapped_column(String(32), doc="digest of team, queue and requirements")
    rank: Mapped[float] = mapped_column(Double, doc="lower goes first: queued time less the head start")
    slots: Mapped[int]
    priority_weight: Mapped[int] = mapped_column(BigInteger)
    runner: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(800))
    payload: Mapped[str] = mapped_column(Sealed, doc="JSON; never holds a token")
    signature: Mapped[str | None] = mapped_column(
        String(MAX_SIGNATURE), doc="of the job as it was queued; null: there was no key to sign with"
    )

    queued_at: Mapped[datetime]
    queue_deadline: Mapped[datetime | None]
    lost_wait_seconds: Mapped[float | None] = mapped_column(
        Double, doc="how long it stays running after its agent was last heard, once that is lost; null: not at all"
    )
    agent_name: Mapped[str | None] = mapped_column(String(64), doc="kept after the end, for people")
    session_id: Mapped[UUID | None] = mapped_column(doc="the session that was offered it")
    assignment_id: Mapped[UUID | None]
    offered_at: Mapped[datetime | None]
    offer_expires_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ran_seconds: Mapped[float | None] = mapped_column(Double)
    silent_beat: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), doc="number of the first beat of its agent without it; 0: held"
    )
    cancel_requested_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None] = mapped_column(String(1000))
    log_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), doc="next offset")
    log_full: Mapped[bool] = mapped_column(server_default=false())
    log_uploaded_at: Mapped[datetime | None] = mapped_column(doc="by the configured remote log handler")
    log_upload_after: Mapped[datetime | None] = mapped_column(doc="until then a replica is at it, or it has failed")

    workload_type: Mapped[str | None] = mapped_column(String(32))
    workload_id: Mapped[UUID | None] = mapped_column(doc="task instance, callback or connection test")
    dag_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    run_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    task_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    map_index: Mapped[int | None]
    try_number: Mapped[int | None]
    owner: Mapped[str | None] = mapped_column(String(64), doc="job id of the scheduler that queued it")
    notify: Mapped[bool] = mapped_column(server_default=false(), doc="the owner must hear of a step")
    settled: Mapped[bool] = mapped_column(
        server_default=false(), doc="Airflow knows the end; nothing more to do but purge"
    )

    __table_args__ = (
        CheckConstraint(f"state IN ({_among(JobState)})", name="state_known"),
        CheckConstraint("slots >= 1", name="slots_positive"),
        CheckConstraint("state <> 'queued' OR assignment_id IS NULL", name="queued_is_free"),
        CheckConstraint(
            f"NOT ({_HELD}) OR (assignment_id IS NOT NULL AND session_id IS NOT NULL AND agent_name IS NOT NULL)",
            name="held_has_holder",
        ),
        CheckConstraint(
            f"({_ENDED}) = (ended_at IS NOT NULL) AND ({_ENDED}) = (reason IS NOT NULL)",
            name="ended_has_reason",
        ),
        # The claim, and the watcher's walk over what is queued.
        _partial("ix_edge_agent_job_queued", "placement", "rank", where="state = 'queued'"),
        # The reaper: queued jobs nobody took in time.
        _partial("ix_edge_agent_job_deadline", "queue_deadline", where="state = 'queued'"),
        # The reaper: offers not confirmed in time.
        _partial("ix_edge_agent_job_offer", "offer_expires_at", where="state = 'offered'"),
        # A beat: what this agent holds. The reaper: what a lost agent held.
        _partial("ix_edge_agent_job_held", "agent_name", "assignment_id", where=_HELD),
        # Confirm, logs and report find a job by the assignment; no two jobs ever share one.
        Index("ix_edge_agent_job_assignment", "assignment_id", unique=True),
        # The executor's sync: steps its scheduler has not heard of.
        _partial("ix_edge_agent_job_notify", "owner", where="notify"),
        # The executor's reconciliation: walks what is not settled, a slice at a time.
        _partial("ix_edge_agent_job_unsettled", "owner", "id", where="NOT settled"),
        # Adoption and confirm: the jobs of one task instance.
        Index("ix_edge_agent_job_workload", "workload_id"),
        # Log reading: all jobs of one try.
        Index("ix_edge_agent_job_try", "dag_id", "run_id", "task_id", "map_index", "try_number"),
        # The upload of logs: tasks that ended and whose log was not taken yet.
        _partial("ix_edge_agent_job_upload", "ended_at", where=LOG_IS_DUE),
        # The page: the newest jobs, in order.
        Index("ix_edge_agent_job_newest", "queued_at", "id"),
        # The purges: of jobs, and of the logs of jobs. The page: how many have ended.
        _partial("ix_edge_agent_job_ended", "ended_at", where="ended_at IS NOT NULL"),
    )


class LogRow(Base):
    """Bytes of a job's log, as they came: where they start, and what they are."""

    __tablename__ = "edge_agent_log"

    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    start_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{_table('edge_agent_job')}.id", ondelete="CASCADE"),
        # Reading a log in order, and purging it with its job.
        index=True,
    )
    written_at: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(LargeBinary)


JOBS = cast("Table", JobRow.__table__)
"""The bare table, for the statements that run often: an update through the ORM costs three times as much."""
