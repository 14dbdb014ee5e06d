"""From what the host knows of an ended process to the ending that is reported. Pure judgement."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from uuid import UUID

from edge_agent.attempt_dir import Result
from edge_agent.progress import End
from edge_agent.protocol import Ending, EndReason, JobState

FAILED_STATES = frozenset({"failed", "up_for_retry"})
"""States a task tells Airflow that mean it failed, although its supervisor ended well."""

MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True)
class Evidence:
    """Everything known about how a process ended.

    ``died_of``: the signal its parent was told of, where we are its parent. ``end``: whether the agent
    ended it, and why. ``is_found_dead``: it ended while no agent watched, or its host has rebooted.
    ``own_seconds``: the time it was given by whoever submitted it, unless the host's policy gave it less.
    """

    result: Result | None
    died_of: int | None = None
    end: End | None = None
    is_found_dead: bool = False
    own_seconds: float | None = None


@dataclass(frozen=True)
class Verdict:
    """How it ended, in the words of the wire. ``is_explained``: its own log says why."""

    state: JobState
    reason: EndReason
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None
    is_explained: bool = True

    def ending(self, assignment_id: UUID, *, log_bytes: int, ran_seconds: float | None) -> Ending:
        """Make the message for the server."""
        return Ending(
            assignment_id=assignment_id,
            state=self.state,
            reason=self.reason,
            exit_code=self.exit_code,
            signal=self.signal,
            message=self.message[:MESSAGE_CHARACTERS] if self.message else None,
            log_bytes=log_bytes,
            ran_seconds=ran_seconds,
        )


def judge(evidence: Evidence) -> Verdict:
    """Say how a process ended.

    What we ended on request is cancelled, whatever its exit code: it reacts to SIGTERM as it likes. What
    left no result was killed: nothing else keeps it from writing one.
    """
    if evidence.end == "cancel":
        return Verdict(JobState.CANCELLED, EndReason.CANCELLED, message="Ended on request; nobody wants it any more.")
    if evidence.end == "shutdown" and not _ended_well(evidence.result):
        message = "Ended because the agent's host was told to stop it at once (a second SIGTERM)."
        return Verdict(JobState.FAILED, EndReason.SIGNAL, signal=signal.SIGTERM, message=message, is_explained=False)
    if evidence.end == "timeout":
        allowed = "the policy of its host allows ('time_seconds')"
        if evidence.own_seconds is not None:
            allowed = f"its own timeout of {evidence.own_seconds:g} s"
        message = f"It ran longer than {allowed}, and was ended."
        return Verdict(JobState.FAILED, EndReason.TIMEOUT, message=message, is_explained=False)
    if evidence.result is None:
        return _without_result(evidence)
    return _of_result(evidence.result)


def rejected(message: str) -> Verdict:
    """Say that it was never started, and why."""
    return Verdict(JobState.FAILED, EndReason.REJECTED, message=message, is_explained=False)


def unattended(message: str) -> Verdict:
    """Say that the agent could not look after it and ended it."""
    message = f"The agent could not look after it and ended it: {message}"
    return Verdict(JobState.FAILED, EndReason.SIGNAL, signal=signal.SIGKILL, message=message, is_explained=False)


def _without_result(evidence: Evidence) -> Verdict:
    if evidence.is_found_dead:
        message = (
            "Its process was gone when the agent came back, and left no result: the host was rebooted, or "
            "everything of the agent was killed."
        )
        return Verdict(JobState.FAILED, EndReason.AGENT_RESTART, message=message, is_explained=False)
    named = f"signal {_name_of(evidence.died_of)}" if evidence.died_of else "a signal, most likely SIGKILL"
    message = f"Its process was killed by {named} that the agent did not send: out of memory, or somebody's kill."
    return Verdict(JobState.FAILED, EndReason.SIGNAL, signal=evidence.died_of, message=message, is_explained=False)


def _of_result(result: Result) -> Verdict:
    if result.signal is not None:
        message = result.message or f"Ended by signal {_name_of(result.signal)}."
        return Verdict(JobState.FAILED, EndReason.SIGNAL, signal=result.signal, message=message, is_explained=False)
    return Verdict(
        JobState.SUCCEEDED if _ended_well(result) else JobState.FAILED,
        EndReason.EXIT,
        exit_code=result.exit_code,
        message=result.message,
        # A task that told Airflow a state has written its log up to there.
        is_explained=result.exit_code == 0 or result.state is not None,
    )


def _ended_well(result: Result | None) -> bool:
    return result is not None and result.exit_code == 0 and result.state not in FAILED_STATES


def _name_of(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return str(number)
