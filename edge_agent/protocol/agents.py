"""An agent's own messages: it registers, it is heard from, it is told things."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from edge_agent.protocol.base import LARGEST, Answer, Capabilities, Name, Request
from edge_agent.protocol.lines import Line
from edge_agent.protocol.metrics import Figures
from edge_agent.protocol.signatures import ServerKeys
from edge_agent.protocol.states import JobKind

MAX_SLOTS = 10_000
MAX_QUEUES = 64
MAX_HELD = 10_000
MOST_BYTES = 2**63 - 1
"""Of memory or disk: what a column has room for."""


class Versions(Request):
    """What runs on the host. ``airflow`` and ``task_sdk`` are absent on a host without Airflow."""

    agent: Line = Field(max_length=64)
    python: Line = Field(max_length=64)
    airflow: Line | None = Field(default=None, max_length=64)
    task_sdk: Line | None = Field(default=None, max_length=64)


class HostHealth(Request):
    """How the host feels, for people. Nothing is decided by it."""

    load_1m: float | None = None
    memory_total_bytes: int | None = Field(default=None, ge=0, le=MOST_BYTES)
    memory_available_bytes: int | None = Field(default=None, ge=0, le=MOST_BYTES)
    disk_free_bytes: int | None = Field(default=None, ge=0, le=MOST_BYTES)
    clock: datetime | None = Field(default=None, description="The host's own clock, to show its skew.")


class Beat(Request):
    """What an agent says of itself each interval, alone or riding on a poll.

    ``number`` grows by one with each new beat of a session; a repeat after a lost answer carries the
    same number, so that one silence is never counted twice. ``held`` lists every assignment that the
    agent has confirmed, or asks to confirm, and has not yet seen its report accepted. ``figures``: its own
    metrics, which the server has asked for in its directives; never sent to one that has not.
    """

    number: int = Field(ge=1, le=LARGEST)
    held: tuple[UUID, ...] = Field(default=(), max_length=MAX_HELD)
    free_slots: int = Field(ge=0, le=MAX_SLOTS)
    capabilities: Capabilities | None = Field(default=None, description="Only when changed.")
    health: HostHealth | None = None
    figures: Figures | None = Field(default=None, description="Only where the server asks for them.")


class Registration(Request):
    """A new session, asked for with an agent token. Ends the session before.

    ``held``: assignments that live on the host (a process runs, or a result waits to be reported).
    ``never_started``: assignments that were confirmed and whose attempt directory proves that
    nothing was started; the server queues them again.
    """

    instance: UUID = Field(description="One per process start; tells a restart from a lost answer.")
    hostname: Line = Field(max_length=255)
    queues: tuple[Name, ...] = Field(min_length=1, max_length=MAX_QUEUES)
    kinds: tuple[JobKind, ...] = Field(min_length=1)
    slots: int = Field(ge=1, le=MAX_SLOTS)
    capabilities: Capabilities
    versions: Versions
    held: tuple[UUID, ...] = Field(default=(), max_length=MAX_HELD)
    never_started: tuple[UUID, ...] = Field(default=(), max_length=MAX_HELD)


class HostConflict(Answer):
    """Another host has asked for this agent's name, and was refused. Stands until an admin dismisses it."""

    hostname: str = Field(description="What it said of itself.")
    address: str | None
    times: int
    latest: datetime


class Directives(Answer):
    """What the server wants of the agent now. Always the whole truth, never a difference.

    ``cancel``: end these and report them. ``drop``: these are no longer yours; kill what runs and
    forget them without a report. ``host_conflict`` is to be shown to people. ``figures_seconds``: how often beats are
    to bring the agent's own metrics; None: never, also from a server that knows of none.
    """

    cordoned: bool = False
    cordon_reason: str | None = None
    drain: bool = False
    drain_seconds_left: float | None = None
    cancel: tuple[UUID, ...] = ()
    drop: tuple[UUID, ...] = ()
    slots: Annotated[int, Field(ge=1, le=MAX_SLOTS)] | None = None
    queues: tuple[Name, ...] | None = None
    host_conflict: HostConflict | None = None
    figures_seconds: float | None = None


class Limits(Answer):
    """The server's sizes and times, so that no host needs to be configured with them."""

    heartbeat_seconds: float = Field(gt=0)
    missed_heartbeats: int = Field(ge=1)
    poll_seconds: float = Field(gt=0, description="How long a poll is held at most.")
    offer_seconds: float = Field(gt=0, description="An offer not confirmed by then goes back.")
    log_chunk_bytes: int = Field(gt=0)
    batch: int = Field(gt=0, description="Most offers, confirms or reports in one message.")


class AirflowSettings(Answer):
    """What the site's Airflow is set to and its tasks must agree with wherever they run."""

    executor: str = Field(description="[core] executor: a Dag that names an unknown alias does not parse.")
    default_queue: str = Field(description="[operators] default_queue")


class Session(Answer):
    """The answer to a registration."""

    session_id: UUID
    token: str = Field(repr=False)
    limits: Limits
    directives: Directives
    airflow: AirflowSettings
    server_time: datetime
    server_keys: ServerKeys = ()


class Checked(Answer):
    """The answer to a registration that is only tried: it would be taken, and nothing was changed."""

    server_time: datetime
    server_keys: ServerKeys = ()


class BeatAnswer(Answer):
    """The answer to a heartbeat.

    ``token``: the session's next one, once half of the life of the one that was shown is over. That one goes on
    until a beat shows the next one, or its life is over; a repeat of the beat gets the same.
    """

    directives: Directives
    server_time: datetime
    token: str | None = Field(default=None, repr=False)
