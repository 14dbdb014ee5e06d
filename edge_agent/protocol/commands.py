"""Commands from the side of those who want them run: submit, watch, read, cancel. A submit token lets one do it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from edge_agent.protocol.agents import MAX_SLOTS
from edge_agent.protocol.base import LARGEST, Answer, Capabilities, Name, Request, Text
from edge_agent.protocol.shells import Shell
from edge_agent.protocol.states import EndReason, JobState, RunnerName
from edge_agent.protocol.streams import Streams

MAX_WATCHED = 512
"""Commands that one watch looks at."""

MAX_WAIT_SECONDS = 60.0
MAX_SECONDS = 366 * 86_400
MAX_KEY = 1000
MAX_COMMAND_NAME = 250
MAX_WORDS = 10_000

OUTPUT_BYTES = 1_048_576
"""Most bytes of one stream that the end of an output is asked for at a time."""

Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]


class OnAgentLost(StrEnum):
    """What becomes of a running command whose agent is lost."""

    FAIL = "fail"
    """It fails at once as ``agent_lost``."""

    WAIT = "wait"
    """It stays running for ``lost_wait_seconds``: the agent may come back with it."""


class Tie(Request):
    """The task instance a command belongs to. Once Airflow goes on without that try, the command is ended.

    ``id``: the task instance's UUID, which changes with each try. ``ends_with_it`` false: the command is only
    shown beside the task, and goes on when that has ended (fire and forget).
    """

    id: UUID
    dag_id: Text = Field(min_length=1, max_length=250)
    run_id: Text = Field(min_length=1, max_length=250)
    task_id: Text = Field(min_length=1, max_length=250)
    map_index: int = Field(default=-1, ge=-1, le=LARGEST)
    try_number: int = Field(default=1, ge=0, le=LARGEST)
    ends_with_it: bool = True


class Submit(Request):
    """A command to run. Sent again with the same ``key`` and token, it is the same command.

    ``queue``: None is the connection's unless an agent is named, else the first that the token names and the agent
    serves. ``agent``: the name, hostname or address of one agent; None is any that serves the queue. ``command``: a
    text is read by ``shell``, a list is run as it is. ``timeout_seconds``: how long it may run on the host, None as
    long as the host's policy says. ``queue_timeout_seconds``: how long it may wait for an agent, None as the server
    is set.
    ``family``: commands of one family never run beside each other; an earlier one is ended first, and until it has
    ended a submit is refused with ``conflict``. ``name``: what it is called among the commands of its task.
    """

    command: (
        Annotated[Text, Field(min_length=1)] | Annotated[tuple[Text, ...], Field(min_length=1, max_length=MAX_WORDS)]
    )
    shell: Shell | None = None
    env: dict[Text, Text] = Field(default={}, repr=False)
    cwd: Text | None = Field(default=None, max_length=4096)
    run_as_user: Text | None = Field(default=None, min_length=1, max_length=32)
    streams: Streams = Streams.TOGETHER

    queue: Name | None = None
    agent: Text | None = Field(default=None, min_length=1, max_length=255)
    requires: Capabilities = Field(default={})
    runner: RunnerName = RunnerName.DEFAULT
    slots: int = Field(default=1, ge=1, le=MAX_SLOTS)
    priority_weight: int = Field(default=0, ge=-LARGEST, le=LARGEST)

    timeout_seconds: Seconds | None = None
    queue_timeout_seconds: Seconds | None = None
    on_agent_lost: OnAgentLost = OnAgentLost.FAIL
    lost_wait_seconds: Seconds | None = Field(default=None, description="None: as the server is set.")

    label: Text = Field(default="", max_length=800)
    name: Text = Field(default="1", min_length=1, max_length=MAX_COMMAND_NAME)
    key: Text | None = Field(default=None, min_length=1, max_length=MAX_KEY)
    family: Text | None = Field(default=None, min_length=1, max_length=MAX_KEY)
    tie: Tie | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Submit:
        if self.shell is not None and not isinstance(self.command, str):
            msg = "a list of words is run as it is: leave 'shell' out, or send the command as a text"
            raise ValueError(msg)
        if self.lost_wait_seconds is not None and self.on_agent_lost is not OnAgentLost.WAIT:
            msg = "'lost_wait_seconds' goes with on_agent_lost = wait"
            raise ValueError(msg)
        return self


class CommandView(Answer):
    """A command as whoever submitted it sees it.

    ``log_bytes``: how much of its log has arrived. ``read_offset``: up to where a watcher has read it, as it last
    said. ``is_wanted``: nobody has asked to cancel it. ``waiting``: why it waits, in a sentence; only where one
    command was asked for.
    """

    id: UUID
    name: str
    label: str
    state: JobState
    reason: EndReason | None = None
    message: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    queue: str
    agent_name: str | None = None
    hostname: str | None = None
    streams: Streams = Streams.TOGETHER
    log_bytes: int
    log_is_cut: bool = False
    read_offset: int = 0
    is_wanted: bool = True
    waiting: str | None = None
    queued_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    ran_seconds: float | None = None


class Submitted(Answer):
    """The command, and whether it was there already (its key was sent before)."""

    command: CommandView
    attached: bool


class Seen(Request):
    """A command as a watcher knows it: it wants to hear when the state is another, or the log is longer.

    ``log_bytes`` None: it does not care for the log. ``read_offset``: up to where it has handed the log on; kept, so
    that whoever watches next goes on there.
    """

    id: UUID
    state: JobState | None = None
    log_bytes: int | None = Field(default=None, ge=0)
    read_offset: int | None = Field(default=None, ge=0)


class Watch(Request):
    """Look at many commands at once; wait until one of them has news, or the time is over."""

    commands: tuple[Seen, ...] = Field(min_length=1, max_length=MAX_WATCHED)
    wait_seconds: float = Field(default=25.0, ge=0, le=MAX_WAIT_SECONDS)


class News(Answer):
    """Those that have news. ``unknown``: those that are not there (any more), or not this token's."""

    commands: tuple[CommandView, ...] = ()
    unknown: tuple[UUID, ...] = ()


class CancelCommand(Request):
    """Why. ``only_if_unwanted``: only when Airflow has gone on without the task instance it is tied to."""

    reason: Text = Field(default="Cancelled by whoever submitted it.", max_length=1000)
    only_if_unwanted: bool = False


class SubmitRights(Answer):
    """What a submit token allows. None: anything."""

    token: str = Field(description="Its name, not the token itself.")
    queues: tuple[str, ...] | None = None
    run_as_users: tuple[str, ...] | None = None
    team: str | None = None
    server_time: datetime
