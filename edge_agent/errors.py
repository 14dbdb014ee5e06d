"""What can go wrong on the agent's side.

::

    AgentError
    +-- SettingsError            a setting is missing or wrong
    |   +-- PolicyError          the host's policy cannot be relied on, or forbids a setting
    +-- StateDirError            the state directory cannot be used
    |   +-- StateDirHeld         another agent uses it
    +-- ForeignServer            the server is not the one that this host knows
    +-- CannotStart              a job could not be started as it was written
    +-- CannotAttach             a job has no terminal to show
    +-- CannotInstall            this host cannot be made an agent's, or taken from it
    +-- QueueApiError            a call to the queue API did not succeed
        +-- Unreachable          no answer came
        +-- UndecodableAnswer    an answer came, and not from a queue API we understand
        +-- ProblemAnswer        the queue API refused
            +-- SessionEnded     register again
            +-- Superseded       another process took this agent's name
            +-- Denied           it does not want this agent at all
                +-- Unauthenticated
                +-- Forbidden
                +-- HostMismatch
                +-- VersionMismatch

Messages are for the person who operates the host: what is wrong, and what to do. No message holds a token.
"""

from __future__ import annotations

from edge_agent.protocol import Problem, ProblemReason


class AgentError(Exception):
    """Anything the agent reports about itself."""


class SettingsError(AgentError):
    """A setting is missing or wrong. The message names the variable."""


class PolicyError(SettingsError):
    """The policy of this host cannot be relied on, or forbids what the settings ask for."""


class StateDirError(AgentError):
    """The state directory cannot be used."""


class StateDirHeld(StateDirError):
    """Another agent uses this state directory. The message says which."""


class ForeignServer(AgentError):
    """The server is not the one that this host knows. The message says what to do."""


class CannotStart(AgentError):
    """A job could not be started as it was written. Nothing of it ran."""


class CannotAttach(AgentError):
    """A job has no terminal to show. The message says why, and what there is."""


class CannotInstall(AgentError):
    """This host cannot be made an agent's, or an agent cannot be taken off it. The message says why."""


class QueueApiError(AgentError):
    """A call to the queue API did not succeed.

    ``retry_after_seconds``: how long the answer asked us to wait, if it did.
    """

    retry_after_seconds: float | None = None


class Unreachable(QueueApiError):
    """No answer came: the network, the name, the certificate, or nobody listens. ``__cause__`` tells."""


class UndecodableAnswer(QueueApiError):
    """An answer came that no queue API of ours gives: a proxy's page, a login form, half a body."""

    def __init__(self, message: str, *, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class ProblemAnswer(QueueApiError):
    """The queue API refused, and says why."""

    def __init__(self, problem: Problem, *, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def reason(self) -> ProblemReason:
        """Why, for programs."""
        return self.problem.reason


class SessionEnded(ProblemAnswer):
    """The session is over: the agent was lost or deleted meanwhile, or registered again."""


class Superseded(ProblemAnswer):
    """Another live process registered under this agent's name."""


class Denied(ProblemAnswer):
    """The queue API does not want this agent. Asking again changes nothing; somebody has to act."""


class Unauthenticated(Denied):
    """The token is missing, unknown, expired or revoked."""


class Forbidden(Denied):
    """The token is good and does not allow this name, queue or verb."""


class HostMismatch(Denied):
    """The name belongs to another host's key."""


class VersionMismatch(Denied):
    """The two sides speak no common protocol version."""


_BY_REASON: dict[ProblemReason, type[ProblemAnswer]] = {
    ProblemReason.SESSION_ENDED: SessionEnded,
    ProblemReason.SUPERSEDED: Superseded,
    ProblemReason.UNAUTHENTICATED: Unauthenticated,
    ProblemReason.FORBIDDEN: Forbidden,
    ProblemReason.HOST_MISMATCH: HostMismatch,
    ProblemReason.VERSION: VersionMismatch,
}


def problem_answer(problem: Problem, *, status: int, retry_after_seconds: float | None = None) -> ProblemAnswer:
    """Return the error that stands for a problem."""
    kind = _BY_REASON.get(problem.reason, ProblemAnswer)
    return kind(problem, status=status, retry_after_seconds=retry_after_seconds)


def cause_of(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error in a group that is one of these, or the group itself if none of them is."""
    for error in group.exceptions:
        found = cause_of(error) if isinstance(error, ExceptionGroup) else error
        if isinstance(found, AgentError):
            return found
    return group
