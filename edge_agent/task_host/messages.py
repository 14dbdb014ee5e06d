"""What agent and zygote say to each other: one JSON object a line; paths, never tokens.

====================  =================  =============================================================
message               from -> to         when
====================  =================  =============================================================
:class:`Ready`        zygote -> agent    once, when it is warm
:class:`Refused`      zygote -> agent    instead of Ready; it ends right after
:class:`Spawn`        agent -> zygote    for each attempt
:class:`Started`      child -> agent     when it has claimed the attempt
:class:`NotStarted`   zygote -> agent    instead of Started: nothing runs, and nothing will
====================  =================  =============================================================

A child answers for itself, over the socket it inherited, and closes it then. So the end of the stream
proves that no process is left that could still answer: what was asked for, and neither answered nor
claimed, did not start and will not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from edge_agent.attempt_dir import Identity
from edge_agent.task_host.stamps import Stamp

CHANNEL = 3
"""The descriptor the zygote finds its end of the socket at: the first that is not a standard one."""


@dataclass(frozen=True)
class Ready:
    """The zygote is warm. ``made_of``: what it has imported, to notice when it is out of date."""

    pid: int
    warm_seconds: float
    made_of: tuple[Stamp, ...]


@dataclass(frozen=True)
class Refused:
    """The zygote cannot serve on this host; the reason says what to do."""

    reason: str


@dataclass(frozen=True)
class Spawn:
    """Start the attempt in this directory. ``server``: URL of the Execution API."""

    number: int
    attempt: str
    server: str
    agent: str


@dataclass(frozen=True)
class Started:
    """The attempt runs as this process."""

    number: int
    identity: Identity


@dataclass(frozen=True)
class NotStarted:
    """The attempt does not run and will not."""

    number: int
    reason: str


Message = Ready | Refused | Spawn | Started | NotStarted

_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Ready, Refused, Spawn, Started, NotStarted)}


def encode(message: Message) -> bytes:
    """Write a message as one line."""
    return json.dumps({"say": type(message).__name__} | asdict(message)).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read a message from one line.

    :raises ValueError: when the line is no message. Both ends are of one release: that is a bug.
    """
    fields = json.loads(line)
    kind = _KINDS.get(fields.pop("say", ""))
    if kind is None:
        msg = f"not a message between agent and zygote: {line[:200]!r}"
        raise ValueError(msg)
    if kind is Ready:
        fields["made_of"] = tuple(Stamp(**stamp) for stamp in fields["made_of"])
    if kind is Started:
        fields["identity"] = Identity(**fields["identity"])
    return kind(**fields)
