"""Log bytes travel by offset: a repeat never doubles, a gap is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_agent.protocol.base import Answer

LogKept = Literal["store", "host"]
"""Where a task's log is that does not pass the queue: in the log store of its site, or on its host. What passes is
its agent's words about it. A server that does not know this takes them for the log, which does no harm.
"""


class LogAck(Answer):
    """The answer to bytes at an offset.

    ``next_offset`` is the next byte the server expects. ``full``: the job's log has reached its
    size limit, further bytes are acknowledged and thrown away, so that there is no need to send them.
    ``pause_seconds``: the job has written as much as it may for now; what is sent earlier is refused.
    """

    next_offset: int = Field(ge=0)
    full: bool = False
    pause_seconds: float = Field(default=0.0, ge=0)
