"""What the queue refuses, and how.

::

    QueueError
    +-- Invalid              the request cannot mean anything here
    +-- Unauthenticated      no such token, or it has ended
    +-- Forbidden            the token does not allow this
    +-- HostMismatch         the name belongs to another host's key
    +-- NotFound             no such thing, or not yours
    +-- SessionEnded         register again
    |   +-- Superseded       somebody else registered this name
    +-- Conflict             the job is in another state
    +-- Gap                  log bytes beyond the end
    +-- TooLarge             more bytes than were agreed
    +-- TooFast              more in a minute than it may
    +-- Overloaded           not now; ask again in a while

Each carries the :class:`~edge_agent.protocol.ProblemReason` it becomes on the wire.
"""

from __future__ import annotations

from typing import ClassVar

from edge_agent.protocol import JobState, ProblemReason


class QueueError(Exception):
    """Something the queue refuses. The message is for the person who reads it on the other side."""

    reason: ClassVar[ProblemReason]
    status: ClassVar[int]


class Invalid(QueueError):
    """The request cannot mean anything here."""

    reason = ProblemReason.INVALID
    status = 422


class Unauthenticated(QueueError):
    """The token is missing, unknown, expired or revoked."""

    reason = ProblemReason.UNAUTHENTICATED
    status = 401


class Forbidden(QueueError):
    """The token is good and does not allow this."""

    reason = ProblemReason.FORBIDDEN
    status = 403


class HostMismatch(QueueError):
    """The token is good, and the name belongs to another host's key."""

    reason = ProblemReason.HOST_MISMATCH
    status = 403


class NotFound(QueueError):
    """No such thing, or not yours: the answer is the same, so that nobody learns what exists."""

    reason = ProblemReason.NOT_FOUND
    status = 404


class SessionEnded(QueueError):
    """The session is no longer current. Register again."""

    reason = ProblemReason.SESSION_ENDED
    status = 409


class Superseded(SessionEnded):
    """Another process registered this name and is alive."""

    reason = ProblemReason.SUPERSEDED


class Conflict(QueueError):
    """The job is not in the state this asks for."""

    reason = ProblemReason.CONFLICT
    status = 409

    def __init__(self, message: str, state: JobState | None) -> None:
        super().__init__(message)
        self.state = state


class Gap(QueueError):
    """Log bytes at an offset beyond the end."""

    reason = ProblemReason.GAP
    status = 409

    def __init__(self, message: str, expected_offset: int) -> None:
        super().__init__(message)
        self.expected_offset = expected_offset


class TooLarge(QueueError):
    """More bytes in one message than the session was told it may send."""

    reason = ProblemReason.TOO_LARGE
    status = 413


class TooFast(QueueError):
    """More in a minute than it may. ``seconds``: until it may go on."""

    reason = ProblemReason.TOO_MANY_REQUESTS
    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Overloaded(QueueError):
    """The server is doing as much of this as it may."""

    reason = ProblemReason.UNAVAILABLE
    status = 503
