"""The form of a status: what an agent says of itself, and what there is to say of it from outside.

Stable: fields are added, and each new one has a default, so that the status of an agent of another version can be
read. One that changes its meaning or goes away makes :data:`FORM` grow.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

FORM: Literal[1] = 1


class AgentState(StrEnum):
    """Whether there is an agent, as seen from outside."""

    RUNNING = "running"
    """It runs, and its event loop has answered."""

    SILENT = "silent"
    """Its process is there, and did not answer in time: it hangs, was stopped, or has just begun or ended."""

    STOPPED = "stopped"
    """It does not run. What it said last is its last words."""

    NEVER = "never"
    """No agent has ever run with this state directory."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_said(cls, value: Any) -> Any:
        """Put a ? for what is no text: paths may hold any bytes, JSON may not."""
        if isinstance(value, tuple):
            return tuple(map(cls._can_be_said, value))
        return str(value.encode(errors="replace"), "utf-8") if isinstance(value, str) else value


class Verdict(_Part):
    """Yes or no, and why not."""

    ok: bool
    reasons: tuple[str, ...] = Field(default=(), description="Why not, and what to do, a sentence each; else empty.")


class Failure(_Part):
    """A call to the queue API that brought no answer, or a refusal."""

    at: datetime
    verb: str = Field(description="What was asked for, such as `poll` or `register`.")
    why: str = Field(description="In words, with what to do.")


class QueueApi(_Part):
    """How it stands with the server."""

    url: str
    answering: bool = Field(description="Whether the last call was answered.")
    heard_at: datetime | None = Field(default=None, description="When it last answered; `null`: not yet.")
    last_failure: Failure | None = Field(default=None, description="What went wrong last, however long ago.")
    session_id: str | None = None
    session_since: datetime | None = Field(default=None, description="When the session was opened.")
    session_token_since: datetime | None = Field(default=None, description="When its present token came.")
    agent_token_since: datetime | None = Field(
        default=None, description="When the file of the agent token was last changed; `null`: it is no file."
    )


class Disk(_Part):
    """The file system of the state directory."""

    path: str
    fit: bool = Field(description="Whether it takes new work.")
    free_bytes: int | None = Field(default=None, description="`null`: it cannot be told.")


class SpoolUse(_Part):
    """What the logs of all jobs take of the disk until the server has them."""

    used_bytes: int
    most_bytes: int
    full: bool = Field(description="Whether the oldest bytes are given up.")
    undelivered_bytes: int = Field(description="What of the logs the server does not have yet.")


class RunnerStatus(_Part):
    """One way to run jobs."""

    name: str
    ready: bool
    complaint: str | None = Field(default=None, description="Why it is not ready.")


class Host(_Part):
    """What may run here, on what."""

    kinds: tuple[str, ...]
    runners: tuple[RunnerStatus, ...] = ()
    policy: tuple[str, ...] = Field(default=(), description="What the policy that is in force comes to, in words.")
    policy_file: str | None = Field(default=None, description="`null`: there is none.")


class JobStatus(_Part):
    """One job in the hands of the agent. `label` is what Airflow calls it."""

    job_id: str
    assignment_id: str
    label: str
    kind: str
    queue: str
    slots: int
    runner: str
    stage: str = Field(description="`offered`, `starting`, `running`, or `ended`: log and report are on their way.")
    pid: int | None = None
    since: datetime | None = Field(default=None, description="When it came to this host.")
    log_bytes_delivered: int = 0
    log_bytes_left: int = Field(default=0, description="What of its log the server does not have yet.")


class LoopStatus(_Part):
    """One loop of the agent."""

    doing: str
    since: datetime
    ok: bool = Field(description="Whether it is alive, and has not taken longer than it may.")


class Status(_Part):
    """What an agent says of itself."""

    written_at: datetime = Field(description="When it said that, by its host's clock.")
    agent: str
    pid: int
    started_at: datetime
    stopped: str | None = Field(default=None, description="Why it stopped; `null`: it runs, or was killed.")
    live: Verdict = Field(description="As the agent judged itself at `written_at`.")
    ready: Verdict = Field(description="The same.")
    versions: dict[str, str] = Field(description="Of `agent`, `python`, and `airflow` where there is one.")
    queue_api: QueueApi
    queues: tuple[str, ...] = Field(description="Which it serves now; an admin may have changed them.")
    slots: int
    free_slots: int = Field(description="How many it asks work for: none while it takes no work.")
    registered: bool = Field(description="Whether it has a session.")
    cordoned: bool
    cordon_reason: str | None = None
    draining: bool = Field(description="Whether it takes no new work, and leaves when what runs is done.")
    drain_reason: str | None = None
    drain_seconds_left: float | None = Field(default=None, description="`null`: it waits for as long as it takes.")
    host_conflict: str | None = Field(default=None, description="Another host has asked for this agent's name.")
    disk: Disk
    spool: SpoolUse
    runners_ready: bool = Field(description="Whether a job could be started at once.")
    host: Host
    health_address: str | None = Field(default=None, description="Where it answers probes; `null`: nowhere.")
    loops: dict[str, LoopStatus] = Field(description="By the name of the loop.")
    jobs: tuple[JobStatus, ...] = Field(default=(), description="What it has in hands.")


class Report(_Part):
    """The answer of `edge-agent status --json`."""

    form: int = Field(default=FORM, description="Version of this form. It grows when a field changes or goes away.")
    state: AgentState = Field(description="As below.")
    live: Verdict = Field(description="Whether it works. If not, a restart may help.")
    ready: Verdict = Field(description="Whether it would take work now. If not, a restart helps nobody.")
    said: Status | None = Field(
        description="What the agent says of itself; while it does not answer, what it said last; `null`: nothing."
    )
