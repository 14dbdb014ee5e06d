"""The jobs behind the fake queue: every verb of the protocol, on a dictionary, under one lock.

The steps are the protocol's: one that ``TRANSITIONS`` does not have raises here. Requests are read by the
protocol's own strict models, so that an agent that says something wrong is told 422.
"""

from __future__ import annotations

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from airflow_plugin.queue.signing_keys import SigningKeys
from edge_agent.protocol import (
    AirflowSettings,
    Answer,
    Beat,
    BeatAnswer,
    Checked,
    Confirm,
    ConfirmAnswer,
    Directives,
    HostConflict,
    JobState,
    Limits,
    LogAck,
    Offer,
    Poll,
    PollAnswer,
    ProblemReason,
    Refused,
    Registration,
    Renew,
    RenewAnswer,
    Renewed,
    Report,
    ReportAnswer,
    Session,
    Withdrawn,
)
from tests.support.fake_job import Job
from tests.support.fernet import FERNET_KEY
from tests.support.refusal import Refusal

AGENT_TOKEN = "eat_0123456789ab_planted-agent-token-of-the-tests"


class FakeJobs:
    """What the queue knows. Each verb is called with ``changed`` held, as in a transaction."""

    def __init__(self, limits: Limits, *, log_limit_bytes: int) -> None:
        self.limits = limits
        self.keys = SigningKeys([urlsafe_b64decode(FERNET_KEY)])
        self.log_limit_bytes = log_limit_bytes
        self.airflow = AirflowSettings(executor="LocalExecutor", default_queue="default")
        self.clock_is_ahead = timedelta()
        self.allowed_queues: set[str] | None = None
        self.cordoned: str | None = None
        self.draining: Directives | None = None
        self.slots_override: int | None = None
        self.superseded = False
        self.unreadable: set[UUID] = set()
        self.renewals = 0
        self.jobs: dict[UUID, Job] = {}
        self.registrations: list[Registration] = []
        self.beats: list[Beat] = []
        self.session: Session | None = None
        self.next_token: str | None = None
        self.host_key: str | None = None
        self.host_conflict: HostConflict | None = None
        self.has_left = False
        self._latest_poll: Poll | None = None
        self.is_closing = False
        self.nudged = False
        self.always_nudged = False
        self.changed = threading.Condition(threading.RLock())

    def register(self, token: str, host_key: str, body: bytes) -> Session:
        registration = self._admit(token, host_key, body)
        self.host_key = host_key
        self.next_token = None
        self.registrations.append(registration)
        self.superseded = self.has_left = False
        self.session = Session(
            session_id=uuid4(),
            token=f"eas_{uuid4().hex}_planted-session-token",
            limits=self.limits,
            directives=Directives(),
            airflow=self.airflow,
            server_time=self._now(),
            server_keys=self.keys.published,
        )
        for job in self.jobs.values():
            if job.state is JobState.OFFERED:
                job.step("expire", JobState.QUEUED)
            elif job.state is JobState.RUNNING and job.assignment_id in registration.never_started:
                job.step("release", JobState.QUEUED)
            elif job.state is JobState.RUNNING and job.assignment_id not in registration.held:
                job.step("lose", JobState.FAILED)
        self.changed.notify_all()
        return self.session.model_copy(update={"directives": self._directives(registration.held)})

    def check(self, token: str, host_key: str, body: bytes) -> Checked:
        self._admit(token, host_key, body)
        return Checked(server_time=self._now(), server_keys=self.keys.published)

    def authenticate(self, token: str, host_key: str) -> None:
        if self.superseded:
            raise Refusal(409, ProblemReason.SUPERSEDED, "Another process on h2 registered this name.")
        if self.session is not None and token == self.next_token:  # its first use: the one before is over
            self.session = self.session.model_copy(update={"token": token})
            self.next_token = None
        if self.session is None or token != self.session.token:
            raise Refusal(409, ProblemReason.SESSION_ENDED, "This session has ended. Register again.")
        if host_key != self.host_key:
            raise Refusal(401, ProblemReason.UNAUTHENTICATED, "This session belongs to another host's key.")

    def rotate(self) -> None:
        """Give the session another token with the next beat, as a server does when half of its life is over."""
        with self.changed:
            self.next_token = f"eas_{uuid4().hex}_planted-session-token"

    def heartbeat(self, body: bytes) -> BeatAnswer:
        directives = self._hear(Beat.model_validate_json(body))
        return BeatAnswer(directives=directives, server_time=self._now(), token=self.next_token)

    def poll(self, body: bytes) -> Answer:
        poll = Poll.model_validate_json(body)
        if poll.beat is not None:
            self._hear(poll.beat)
        deadline = time.monotonic() + min(poll.wait_seconds, self.limits.poll_seconds)
        session, self._latest_poll = self.session, poll
        while True:
            if session is None or self.session is None or self.session.session_id != session.session_id:
                raise Refusal(409, ProblemReason.SESSION_ENDED, "This session has ended.")
            self._expire_offers()
            # The newest poll counts: an older one is held for an agent that has given it up.
            offers = self._offer(poll.free_slots) if poll is self._latest_poll else ()
            left = deadline - time.monotonic()
            if offers or self.nudged or self.always_nudged or self.is_closing or left <= 0:
                self.nudged = False
                held = [job.assignment_id for job in self.jobs.values() if job.ending is None]
                token, keys = self.next_token if poll.beat else None, self.keys.published
                directives = self._directives(filter(None, held))
                return PollAnswer(offers=offers, directives=directives, token=token, server_keys=keys)
            self.changed.wait(min(left, 0.2))

    def confirm(self, body: bytes) -> Answer:
        self._expire_offers()
        confirmed, withdrawn = [], []
        for each in Confirm.model_validate_json(body).assignments:
            job = self._of(each)
            current = self.session.session_id if self.session else None
            if job is not None and job.session_id != current:
                withdrawn.append(Withdrawn(assignment_id=each, state=job.state))
                continue
            if job is not None and job.state is JobState.OFFERED:
                job.step("confirm", JobState.RUNNING)
            if job is not None and job.state is JobState.RUNNING:
                confirmed.append(job.confirmed(self.keys.sign))
            else:
                withdrawn.append(Withdrawn(assignment_id=each, state=job.state if job else None))
        return ConfirmAnswer(confirmed=tuple(confirmed), withdrawn=tuple(withdrawn))

    def renew(self, body: bytes) -> Answer:
        renewed, refused = [], []
        for each in Renew.model_validate_json(body).assignments:
            job = self._of(each)
            if job is not None and job.state is JobState.RUNNING and not job.cancel_requested:
                self.renewals += 1
                renewed.append(Renewed(assignment_id=each, token=f"planted-renewed-token-{self.renewals}"))
            else:
                refused.append(Refused(assignment_id=each, state=job.state if job else None, message="Not wanted."))
        return RenewAnswer(renewed=tuple(renewed), refused=tuple(refused))

    def append_log(self, assignment_id: UUID, offset: int, body: bytes) -> Answer:
        job = self._of(assignment_id)
        if job is None:
            raise Refusal(404, ProblemReason.NOT_FOUND, "Not an assignment of yours.")
        if len(body) > self.limits.log_chunk_bytes:
            raise Refusal(413, ProblemReason.TOO_LARGE, "More bytes than were agreed.")
        if offset > len(job.log):
            raise Refusal(409, ProblemReason.GAP, "There is a gap.", expected_offset=len(job.log))
        job.log += body[len(job.log) - offset :]
        job.log_full = len(job.log) >= self.log_limit_bytes
        return LogAck(next_offset=len(job.log), full=job.log_full)

    def report(self, body: bytes) -> Answer:
        accepted, refused = [], []
        endings = Report.model_validate_json(body).endings
        if self.unreadable & {ending.assignment_id for ending in endings}:
            raise Refusal(422, ProblemReason.INVALID, "endings.0.reason: unknown value")
        for ending in endings:
            job = self._of(ending.assignment_id)
            if job is None:
                refused.append(Refused(assignment_id=ending.assignment_id, state=None, message="Not yours."))
                continue
            job.reports += 1
            if job.state is JobState.RUNNING:
                job.step("report", ending.state)
                job.ending = ending
            if job.ending is not None and job.ending.state is ending.state:
                accepted.append(ending.assignment_id)
            else:
                refusal = Refused(assignment_id=ending.assignment_id, state=job.state, message="Drop it.")
                refused.append(refusal)
        self.changed.notify_all()
        return ReportAnswer(accepted=tuple(accepted), refused=tuple(refused))

    def leave(self) -> None:
        self.session = None
        self.has_left = True
        for job in self.jobs.values():
            if job.state is JobState.OFFERED:
                job.step("expire", JobState.QUEUED)
        self.changed.notify_all()

    def _admit(self, token: str, host_key: str, body: bytes) -> Registration:
        registration = Registration.model_validate_json(body)
        if token != AGENT_TOKEN:
            raise Refusal(401, ProblemReason.UNAUTHENTICATED, "This agent token is not known here.")
        if self.allowed_queues is not None and (more := set(registration.queues) - self.allowed_queues):
            raise Refusal(403, ProblemReason.FORBIDDEN, f"The agent token does not allow queue {min(more)}.")
        if self.host_key not in {None, host_key}:
            raise Refusal(403, ProblemReason.HOST_MISMATCH, "The name belongs to another host.")
        return registration

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.clock_is_ahead

    def _of(self, assignment_id: UUID) -> Job | None:
        return next((job for job in self.jobs.values() if job.assignment_id == assignment_id), None)

    def _directives(self, held: Iterable[UUID]) -> Directives:
        mine = {job.assignment_id: job for job in self.jobs.values() if not job.state.is_terminal}
        held = tuple(held)
        return Directives(
            cordoned=self.cordoned is not None,
            cordon_reason=self.cordoned,
            drain=self.draining is not None,
            drain_seconds_left=self.draining.drain_seconds_left if self.draining else None,
            cancel=tuple(each for each in held if each in mine and mine[each].cancel_requested),
            drop=tuple(each for each in held if each not in mine),
            slots=self.slots_override,
            host_conflict=self.host_conflict,
        )

    def _hear(self, beat: Beat) -> Directives:
        self.beats.append(beat)
        for job in self.jobs.values():
            if job.state is not JobState.RUNNING:
                continue
            if job.assignment_id in beat.held:
                job.silent_beat = 0
            elif 0 < job.silent_beat < beat.number:
                job.step("release", JobState.QUEUED)
            elif not job.silent_beat:
                job.silent_beat = beat.number
        return self._directives(beat.held)

    def _expire_offers(self) -> None:
        oldest = time.monotonic() - self.limits.offer_seconds
        for job in self.jobs.values():
            if job.state is JobState.OFFERED and job.offered_at < oldest:
                job.step("expire", JobState.QUEUED)

    def _offer(self, free_slots: int) -> tuple[Offer, ...]:
        offers: list[Offer] = []
        if self.cordoned is not None or self.draining is not None or self.session is None:
            return ()
        for job in self.jobs.values():
            if job.state is not JobState.QUEUED or job.slots > free_slots or len(offers) == self.limits.batch:
                continue
            free_slots -= job.slots
            job.step("offer", JobState.OFFERED)
            job.offers += 1
            job.assignment_id, job.session_id = uuid4(), self.session.session_id
            job.offered_at = time.monotonic()
            offers.append(
                Offer(
                    assignment_id=job.assignment_id,
                    job_id=job.id,
                    kind=job.kind,
                    queue=job.queue,
                    slots=job.slots,
                    runner=job.runner,
                    label=job.label,
                )
            )
        return tuple(offers)
