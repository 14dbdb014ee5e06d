"""The life of a job and of an agent: the states, and the one table of what may follow what.

SQL guards, HTTP 409s, the diagram in the docs and the badges of the page are all tested against
``TRANSITIONS``. Whoever moves a job does it in one guarded statement whose guard is
``sources_of(target)``; no row back means conflict.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class JobState(StrEnum):
    """Where one job stands.

    Each member says what it means, who moves it on, and what a crash in it costs.
    """

    QUEUED = "queued"
    """Waits in the table for an agent. Moved on by an agent's poll, a cancel, or the queue timeout.
    A crash of any process changes nothing: the row is the truth."""

    OFFERED = "offered"
    """An agent session holds an assignment id and metadata, nothing that could be started.
    Moved on by that session's confirm, or back to queued by the reaper when the offer expires.
    A crash of the agent costs one offer timeout."""

    RUNNING = "running"
    """Confirmed: the agent has the payload and was allowed to start. Moved on by its report, by the
    reaper when the agent is lost, or back to queued when the agent twice declares not to hold it.
    A crash of the agent costs three heartbeats, then Airflow retries it elsewhere. One that
    declares to wait for its agent waits for as long as it says."""

    SUCCEEDED = "succeeded"
    """Ended as wanted. Final. Kept until the purge age."""

    FAILED = "failed"
    """Ended otherwise; the reason says how. Final. Kept until the purge age."""

    CANCELLED = "cancelled"
    """Ended because somebody no longer wanted it. Final. Kept until the purge age."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return self in TERMINAL


class EndReason(StrEnum):
    """Why a job ended. A closed set: users match on it, so think before adding one."""

    EXIT = "exit"
    """The process ended by itself; the exit code tells."""

    SIGNAL = "signal"
    """The process was ended by a signal nobody here sent (out of memory, an admin's kill)."""

    TIMEOUT = "timeout"
    """The process ran longer than it was allowed to, and was ended by the agent."""

    AGENT_LOST = "agent_lost"
    """The agent missed its heartbeats while it held the job."""

    AGENT_RESTART = "agent_restart"
    """The agent came back (or its host rebooted) without the job it had started."""

    QUEUE_TIMEOUT = "queue_timeout"
    """No agent took the job in time."""

    REJECTED = "rejected"
    """The job could not be accepted as it was written, or the host's policy refuses it."""

    CANCELLED = "cancelled"
    """A user, or Airflow on a user's behalf, no longer wanted it."""

    DELETED = "deleted"
    """The agent that held it was deleted by an admin."""


class AgentState(StrEnum):
    """Whether an agent is there. Cordon and drain are facts beside it, not states."""

    CONNECTED = "connected"
    """Has a current session and has been heard from in time."""

    LOST = "lost"
    """Missed its heartbeats. What it held was taken from it, but for jobs that declare to wait for it.
    Its next registration reconnects it."""

    OFFLINE = "offline"
    """Left by itself, in order. Holds nothing."""


class JobKind(StrEnum):
    """What sort of work a job is."""

    TASK = "task"
    """An Airflow workload: a task instance, a callback or a connection test."""

    COMMAND = "command"
    """A command line, for hosts that have no Airflow."""


class RunnerName(StrEnum):
    """Where on the host a job runs."""

    LOCAL = "local"
    """In a session and process group of its own."""

    TMUX = "tmux"
    """In a tmux session an admin can attach to."""

    DEFAULT = "default"
    """In whichever of them the agent is set to: the job names none."""


class Transition(NamedTuple):
    """One allowed step of a job.

    ``verb`` names who moves it in the words of the wire, ``why`` the occasion; ``reasons`` are the
    end reasons this step may write (empty unless the target is terminal).
    """

    source: JobState
    target: JobState
    verb: str
    why: str
    reasons: frozenset[EndReason] = frozenset()


_REPORTED = frozenset(
    {EndReason.EXIT, EndReason.SIGNAL, EndReason.TIMEOUT, EndReason.REJECTED, EndReason.AGENT_RESTART}
)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(JobState.QUEUED, JobState.OFFERED, "offer", "an agent with room polls"),
    Transition(JobState.OFFERED, JobState.QUEUED, "expire", "not confirmed in time, or the agent is gone"),
    Transition(JobState.OFFERED, JobState.RUNNING, "confirm", "the session that holds the offer asks to start"),
    Transition(JobState.RUNNING, JobState.QUEUED, "release", "its agent declares that it never started"),
    Transition(JobState.RUNNING, JobState.SUCCEEDED, "report", "the process ended well", frozenset({EndReason.EXIT})),
    Transition(JobState.RUNNING, JobState.FAILED, "report", "the process ended badly", _REPORTED),
    Transition(
        JobState.RUNNING,
        JobState.CANCELLED,
        "report",
        "the agent ended it on request",
        frozenset({EndReason.CANCELLED}),
    ),
    Transition(
        JobState.RUNNING,
        JobState.FAILED,
        "lose",
        "its agent is lost, restarted without it, or deleted",
        frozenset({EndReason.AGENT_LOST, EndReason.AGENT_RESTART, EndReason.DELETED}),
    ),
    Transition(
        JobState.QUEUED,
        JobState.FAILED,
        "give_up",
        "no agent took it in time, or it cannot be accepted",
        frozenset({EndReason.QUEUE_TIMEOUT, EndReason.REJECTED}),
    ),
    Transition(JobState.QUEUED, JobState.CANCELLED, "cancel", "no longer wanted", frozenset({EndReason.CANCELLED})),
    Transition(JobState.OFFERED, JobState.CANCELLED, "cancel", "no longer wanted", frozenset({EndReason.CANCELLED})),
)
"""Everything a job may do. What is not here cannot happen."""

TERMINAL: frozenset[JobState] = frozenset(JobState) - {step.source for step in TRANSITIONS}
OPEN: frozenset[JobState] = frozenset(JobState) - TERMINAL


def sources_of(target: JobState, verb: str) -> frozenset[JobState]:
    """Return the states from which ``verb`` may lead to ``target``.

    :raises ValueError: when no transition of that name leads there, which is a bug in the caller.
    """
    sources = frozenset(step.source for step in TRANSITIONS if (step.target, step.verb) == (target, verb))
    if not sources:
        msg = f"no transition named {verb!r} leads to {target!r}"
        raise ValueError(msg)
    return sources
