"""A job in an agent's hands: offered, confirmed, reported. Every verb here works on a batch."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field, model_validator

from edge_agent.protocol.agents import MAX_SLOTS, Beat, Directives
from edge_agent.protocol.base import LARGEST, Answer, Request
from edge_agent.protocol.signatures import ServerKeys, Signature
from edge_agent.protocol.states import TRANSITIONS, EndReason, JobKind, JobState, RunnerName

MAX_BATCH = 256


class Poll(Request):
    """Ask for work and wait. ``beat`` makes the poll renew the agent like a heartbeat would."""

    free_slots: int = Field(ge=0, le=MAX_SLOTS)
    wait_seconds: float = Field(ge=0, le=60)
    beat: Beat | None = None


class Offer(Answer):
    """A job one may ask to start. Metadata only: nothing in it could be run.

    ``queue``: where it was queued, for the policy of the host. ``label`` is for logs and people, never for
    decisions.
    """

    assignment_id: UUID
    job_id: UUID
    kind: JobKind
    queue: str = ""
    slots: int = Field(ge=1)
    runner: RunnerName
    label: str


class PollAnswer(Answer):
    """Offers, and the directives that hold now. Neither has to be there. ``token``: as of a beat, which it carried."""

    offers: tuple[Offer, ...] = ()
    directives: Directives
    token: str | None = Field(default=None, repr=False)
    server_keys: ServerKeys = Field(default=(), description="One of them may be newer than the session.")


class Confirm(Request):
    """Ask to start. Asked again with the same assignment, the answer is the same."""

    assignments: tuple[UUID, ...] = Field(min_length=1, max_length=MAX_BATCH)


class Confirmed(Answer):
    """Permission to start, and what to start.

    ``payload``: the text that was signed, a JSON object. For kind task: ``{"workload": <Airflow's workload
    JSON>, "log_path": <relative path or None>}``, and ``"run_as_user"`` where it asks for one.
    ``token``: of the workload, minted now; therefore not signed. ``signature``: None where the server had no key.
    """

    assignment_id: UUID
    kind: JobKind
    team: str | None = None
    payload: str = Field(repr=False)
    signature: Signature | None = None
    token: str | None = Field(default=None, repr=False)


class Withdrawn(Answer):
    """An assignment that must not be started. ``state`` is where the job stands now; None: not known here."""

    assignment_id: UUID
    state: JobState | None


class ConfirmAnswer(Answer):
    """Every assignment asked for stands in exactly one of the two."""

    confirmed: tuple[Confirmed, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()


class Ending(Request):
    """How one assignment ended, as the host saw it."""

    assignment_id: UUID
    state: JobState
    reason: EndReason
    exit_code: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    signal: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    message: str | None = Field(default=None, max_length=2000)
    log_bytes: int = Field(ge=0, description="The offset up to which the log was delivered.")
    ran_seconds: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _ends(self) -> Ending:
        if not self.state.is_terminal:
            msg = f"a report ends a job; {self.state.value!r} does not"
            raise ValueError(msg)
        steps = [step for step in TRANSITIONS if (step.target, step.verb) == (self.state, "report")]
        if not any(self.reason in step.reasons for step in steps):
            msg = f"an agent does not report {self.state.value!r} for the reason {self.reason.value!r}"
            raise ValueError(msg)
        return self


class Report(Request):
    """A batch of endings. The same report again is accepted again."""

    endings: tuple[Ending, ...] = Field(min_length=1, max_length=MAX_BATCH)


class Refused(Answer):
    """What was asked about this assignment was not granted. An ending: drop the assignment.

    ``state`` as in :class:`Withdrawn`.
    """

    assignment_id: UUID
    state: JobState | None
    message: str


class ReportAnswer(Answer):
    """Every ending stands in exactly one of the two."""

    accepted: tuple[UUID, ...] = ()
    refused: tuple[Refused, ...] = ()


class Renew(Request):
    """Ask for new execution tokens of running tasks whose own are no longer accepted.

    A task's token lives for minutes and is renewed by Airflow's answers; an outage can outlive it.
    """

    assignments: tuple[UUID, ...] = Field(min_length=1, max_length=MAX_BATCH)


class Renewed(Answer):
    """A new execution token, good for the one task instance of this assignment."""

    assignment_id: UUID
    token: str = Field(repr=False)


class RenewAnswer(Answer):
    """Every assignment asked for stands in exactly one of the two."""

    renewed: tuple[Renewed, ...] = ()
    refused: tuple[Refused, ...] = ()
