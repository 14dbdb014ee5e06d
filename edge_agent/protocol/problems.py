"""The one shape of every error, and the closed set of its reasons."""

from __future__ import annotations

from enum import StrEnum

from edge_agent.protocol.base import Answer


class ProblemReason(StrEnum):
    """What went wrong, for programs. The message is for people."""

    INVALID = "invalid"
    """The request does not say what it must. Not worth repeating."""

    UNAUTHENTICATED = "unauthenticated"
    """The token is missing, unknown, expired or revoked."""

    SESSION_ENDED = "session_ended"
    """The session is no longer current: a newer one began, or the agent was lost or deleted.
    Register again."""

    SUPERSEDED = "superseded"
    """Another live process holds this agent's name with a newer session. Stop, or take another name."""

    FORBIDDEN = "forbidden"
    """The token is good and does not allow this."""

    HOST_MISMATCH = "host_mismatch"
    """The agent's name belongs to another host's key. An admin decides whether this host may have it."""

    NOT_FOUND = "not_found"
    """No such thing, or not yours."""

    CONFLICT = "conflict"
    """The job is not in the state this asks for; ``state`` says where it is."""

    GAP = "gap"
    """Log bytes at an offset beyond the end; ``expected_offset`` says where to go on."""

    VERSION = "version"
    """The two sides speak no common protocol version."""

    TOO_LARGE = "too_large"
    """The body is over the limit the session was told."""

    TOO_MANY_REQUESTS = "too_many_requests"
    """More than is allowed in a while, with this token or from this address. Ask again later; the answer says when."""

    UNAVAILABLE = "unavailable"
    """The server cannot answer now (its database is away, or it starts or stops). Ask again later."""

    INTERNAL = "internal"
    """A defect on the server; its log has the traceback. Ask again later."""


class Problem(Answer):
    """The body of every answer that is not a success."""

    reason: ProblemReason
    message: str
    state: str | None = None
    expected_offset: int | None = None
