"""What the agent has decided about an attempt, to go on after its own restart."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

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

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """Return what was written; what an agent of a later release adds is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})

    def fields(self) -> dict[str, Any]:
        """Return what is not as usual: an agent of the release before may have to read it, and knows fewer fields."""
        ours = ((field, getattr(self, field.name)) for field in fields(self))
        return {field.name: value for field, value in ours if value != field.default}
