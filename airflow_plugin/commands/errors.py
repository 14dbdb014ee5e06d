"""What can go wrong between a task and the queue API.

::

    CommandsError
    +-- ConnectionUnusable       Airflow's connection cannot be used as it stands
    +-- QueueApiError            a call to the queue API did not succeed
        +-- Unreachable          no answer came
        |   +-- CertificateRefused   because one side does not trust the other's certificate
        +-- UndecodableAnswer    an answer came, and not from a queue API we understand
        +-- ProblemAnswer        the queue API refused
            +-- Unauthenticated
            +-- Forbidden
            +-- NotFound
            +-- Conflict         ``state`` says where the command is
            +-- Invalid
            +-- VersionMismatch

Messages are for the person who wrote the Dag or the connection: what is wrong, and what to do. None holds a token.
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException

from edge_agent.protocol import JobState, Problem, ProblemReason


class CommandsError(AirflowException):
    """Anything that goes wrong on the way to a command."""


class ConnectionUnusable(CommandsError):
    """Airflow's connection cannot be used as it stands. The message shows what it must look like."""


class QueueApiError(CommandsError):
    """A call to the queue API did not succeed.

    ``retry_after_seconds``: how long the answer asked us to wait, if it did.
    """

    retry_after_seconds: float | None = None


class Unreachable(QueueApiError):
    """No answer came: the network, the name, or nobody listens. ``__cause__`` tells."""


class CertificateRefused(Unreachable):
    """No answer came, because one side does not trust the certificate of the other."""


class UndecodableAnswer(QueueApiError):
    """An answer came that no queue API of ours gives: a proxy's page, a login form, half a body."""

    def __init__(self, message: str, *, status: int = 0, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class ProblemAnswer(QueueApiError):
    """The queue API refused, and says why.

    ``state``: where the command is, when that is why.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: ProblemReason = ProblemReason.INVALID,
        status: int = 0,
        state: JobState | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.state = state
        self.retry_after_seconds = retry_after_seconds


class Unauthenticated(ProblemAnswer):
    """The token is missing, unknown, expired or revoked, and the connection has no other."""


class Forbidden(ProblemAnswer):
    """The token is good and does not allow this."""


class NotFound(ProblemAnswer):
    """No such command or agent, or another token's."""


class Conflict(ProblemAnswer):
    """Not now: an earlier command of that family has not ended, or the task instance is not running any more."""


class Invalid(ProblemAnswer):
    """The request cannot mean anything on that server."""


class VersionMismatch(ProblemAnswer):
    """The two sides speak no common protocol version."""


_BY_REASON: dict[ProblemReason, type[ProblemAnswer]] = {
    ProblemReason.UNAUTHENTICATED: Unauthenticated,
    ProblemReason.FORBIDDEN: Forbidden,
    ProblemReason.NOT_FOUND: NotFound,
    ProblemReason.CONFLICT: Conflict,
    ProblemReason.INVALID: Invalid,
    ProblemReason.VERSION: VersionMismatch,
}


def problem_answer(problem: Problem, *, status: int, retry_after_seconds: float | None = None) -> ProblemAnswer:
    """Return the error that stands for a problem."""
    kind = _BY_REASON.get(problem.reason, ProblemAnswer)
    state = next((state for state in JobState if state == problem.state), None)
    return kind(
        problem.message, reason=problem.reason, status=status, state=state, retry_after_seconds=retry_after_seconds
    )
