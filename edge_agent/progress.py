"""What the agent has decided about an attempt, to go on after its own restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a command's own process reads this, and imports next to nothing
    from edge_agent.protocol.logs import LogKept

End = Literal["cancel", "shutdown", "timeout"]
"""Why the agent ends a process: the server asked for it, the host's operator did, or its time is over."""


@dataclass(frozen=True)
class Progress:
    """What ``progress.json`` of an attempt directory holds."""

    log: str = "output.log"  # the log of record, relative to the attempt directory
    log_folder: str = "log"  # the base log folder of an Airflow task, relative to it as well
    kept: LogKept | None = None  # where the log is, if it does not pass the queue
    end: End | None = None
    time_seconds: float | None = None
    is_own_time: bool = False  # the job itself asked for that time, not the host's policy
    is_woven: bool = False  # the log holds two streams that can be told apart
