"""What the end of a command means for its task."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import BaseModel, ConfigDict

from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView

TAIL_LINES = 20
TAIL_BYTES = 4096
"""Of a failed command's output, what its failure repeats."""


class Verdict(StrEnum):
    """What a command's end is taken for."""

    SUCCESS = "success"
    SKIP = "skip"
    FAILURE = "failure"


class CommandFailed(AirflowException):
    """A command did not end as it should. The message has its last words, and where all of them are."""


class CommandRejected(AirflowFailException):
    """A host's policy, or the queue, refuses a command. Nothing ran, and another try would change nothing."""


class CommandGone(AirflowException):
    """The queue does not know the command (any more)."""


class Rules(BaseModel):
    """Which exit codes are what. Whatever else ends a command is a failure."""

    model_config = ConfigDict(frozen=True)

    success: frozenset[int] = frozenset({0})
    skip: frozenset[int] = frozenset()

    def verdict(self, state: JobState, reason: EndReason | None, exit_code: int | None) -> Verdict:
        """Judge an end."""
        if state is JobState.CANCELLED or reason is not EndReason.EXIT or exit_code is None:
            return Verdict.FAILURE
        if exit_code in self.skip:
            return Verdict.SKIP
        return Verdict.SUCCESS if exit_code in self.success else Verdict.FAILURE


def codes(value: int | Collection[int] | None) -> frozenset[int]:
    """Return exit codes as a set."""
    if value is None:
        return frozenset()
    return frozenset({value}) if isinstance(value, int) else frozenset(value)


def gone(job_ids: Collection[UUID]) -> str:
    """Word that the queue does not know commands."""
    return (
        f"The queue does not know the command {', '.join(str(each) for each in job_ids)} (any more): it was removed "
        "after its retention time, or the connection has another token than the one it was submitted with."
    )


def failure(view: CommandView, tail: str, others: str = "") -> AirflowException:
    """Return what a task fails with. ``tail``: the command's last words; ``others``: what of the rest is to be said."""
    kind = CommandRejected if view.reason is EndReason.REJECTED else CommandFailed
    parts = [f"{_how(view)}{_where(view)}.", tail and f"Its last output:\n{tail}\n", others, _log(view)]
    return kind(" ".join(part for part in parts if part))


def last_words(content: bytes) -> str:
    """Return the last lines of an output, as people read them."""
    lines = content[-TAIL_BYTES:].decode("utf-8", "backslashreplace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])


def _how(view: CommandView) -> str:
    name = "The command" if view.name == "1" else f"The command {view.name!r}"
    how = {
        EndReason.EXIT: f"ended with exit code {view.exit_code}",
        EndReason.SIGNAL: f"was ended by signal {view.signal}, which nobody here sent",
        EndReason.TIMEOUT: "ran longer than it may, and was ended with all it had started",
        EndReason.REJECTED: "was refused, and nothing of it ran",
        EndReason.QUEUE_TIMEOUT: "was taken by no agent in time, and nothing of it ran",
        EndReason.AGENT_LOST: "was lost with its agent",
        EndReason.AGENT_RESTART: "was lost with its agent, which came back without it",
        EndReason.DELETED: "was lost with its agent, which was deleted",
    }.get(view.reason or EndReason.CANCELLED, "was cancelled")
    is_told = view.reason not in {EndReason.EXIT, EndReason.SIGNAL}
    said = f": {view.message.rstrip('.')}" if view.message and is_told else ""
    return f"{name} {how}{said}"


def _where(view: CommandView) -> str:
    if view.agent_name is None:
        return f" (queue {view.queue})"
    host = f" ({view.hostname})" if view.hostname and view.hostname != view.agent_name else ""
    return f" on {view.agent_name}{host}"


def _log(view: CommandView) -> str:
    if not view.log_bytes:
        return f"It has no output. The page Edge Agents, Jobs, shows it as {view.id}."
    cut = " (cut: it was longer than is kept)" if view.log_is_cut else ""
    return f"All of its output{cut} stands above in this log, and on the page Edge Agents, Jobs, as {view.id}."
