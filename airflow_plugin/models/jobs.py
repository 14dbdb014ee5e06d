"""Jobs and their logs."""

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
    String,
    Table,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from airflow_plugin.models.base import ID_LENGTH, Base, among, partial, table
from airflow_plugin.sealed import Sealed
from edge_agent.protocol import OPEN, TERMINAL, JobState
from edge_agent.protocol.signatures import MAX_SIGNATURE

_HELD = f"state IN ({among(OPEN - {JobState.QUEUED})})"
_ENDED = f"state IN ({among(TERMINAL)})"
_OPEN = f"state IN ({among(OPEN)})"
LOG_IS_DUE = "ended_at IS NOT NULL AND log_uploaded_at IS NULL AND workload_type = 'ExecuteTask'"
FAMILY_IS_OPEN = f"family IS NOT NULL AND {_OPEN}"
TIE_IS_OPEN = f"tie_id IS NOT NULL AND {_OPEN}"
"""Written out, for the index is found by these very words."""


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
    hostname: Mapped[str | None] = mapped_column(String(255), doc="of the agent when it was let start; for people")
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

    log_kept: Mapped[str | None] = mapped_column(
        String(8), doc="where a log is that does not pass the queue: store, host; then what is here are words about it"
    )

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

    # Of commands alone. Not "name": what SQLite returns of a changed row is not told from another table's column.
    command_name: Mapped[str | None] = mapped_column(String(ID_LENGTH), doc="among the commands of its task")
    submit_token_id: Mapped[UUID | None] = mapped_column(doc="kept when the token is gone")
    submit_key: Mapped[str | None] = mapped_column(String(32), doc="digest of the token's id and the key sent")
    family: Mapped[str | None] = mapped_column(String(32), doc="digest of the token's id and the family sent")
    tie_id: Mapped[UUID | None] = mapped_column(doc="task instance it was submitted by")
    tied: Mapped[bool] = mapped_column(server_default=false(), doc="ends once Airflow goes on without that one")
    streams: Mapped[str | None] = mapped_column(String(8), doc="together or apart in its log")
    read_offset: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), doc="up to where whoever watches it has read its log"
    )

    __table_args__ = (
        CheckConstraint(f"state IN ({among(JobState)})", name="state_known"),
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
        partial("ix_edge_agent_job_queued", "placement", "rank", where="state = 'queued'"),
        # The reaper: queued jobs nobody took in time.
        partial("ix_edge_agent_job_deadline", "queue_deadline", where="state = 'queued'"),
        # The reaper: offers not confirmed in time.
        partial("ix_edge_agent_job_offer", "offer_expires_at", where="state = 'offered'"),
        # A beat: what this agent holds. The reaper: what a lost agent held.
        partial("ix_edge_agent_job_held", "agent_name", "assignment_id", where=_HELD),
        # Confirm, logs and report find a job by the assignment; no two jobs ever share one.
        Index("ix_edge_agent_job_assignment", "assignment_id", unique=True),
        # The executor's sync: steps its scheduler has not heard of.
        partial("ix_edge_agent_job_notify", "owner", where="notify"),
        # The executor's reconciliation: walks what is not settled, a slice at a time.
        partial("ix_edge_agent_job_unsettled", "owner", "id", where="NOT settled"),
        # Adoption and confirm: the jobs of one task instance.
        Index("ix_edge_agent_job_workload", "workload_id"),
        # Log reading: all jobs of one try.
        Index("ix_edge_agent_job_try", "dag_id", "run_id", "task_id", "map_index", "try_number"),
        # The upload of logs: tasks that ended and whose log was not taken yet.
        partial("ix_edge_agent_job_upload", "ended_at", where=LOG_IS_DUE),
        # A submit: the same one sent before, by whoever was first.
        partial("ix_edge_agent_job_key", "submit_key", where="submit_key IS NOT NULL", unique=True),
        # A submit: of one family there is never more than one that is open.
        partial("ix_edge_agent_job_family", "family", where=FAMILY_IS_OPEN, unique=True),
        # The duty that ends commands of tasks which Airflow goes on without.
        partial("ix_edge_agent_job_tie", "tie_id", where=TIE_IS_OPEN),
        # The page: the newest jobs, in order.
        Index("ix_edge_agent_job_newest", "queued_at", "id"),
        # The page: what one agent did last.
        partial("ix_edge_agent_job_past", "agent_name", "queued_at", where="ended_at IS NOT NULL"),
        # The purges: of jobs, and of the logs of jobs. The page: how many have ended.
        partial("ix_edge_agent_job_ended", "ended_at", where="ended_at IS NOT NULL"),
    )


class LogRow(Base):
    """Bytes of a job's log, as they came: where they start, and what they are."""

    __tablename__ = "edge_agent_log"

    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    start_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{table('edge_agent_job')}.id", ondelete="CASCADE"),
        # Reading a log in order, and purging it with its job.
        index=True,
    )
    written_at: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(LargeBinary)


JOBS = cast("Table", JobRow.__table__)
"""The bare table, for the statements that run often: an update through the ORM costs three times as much."""
