"""One runner, with what an agent gives its assignments, and no server: what would be sent is kept here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from edge_agent.assignment import Assignment, Stage
from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.ended_jobs import EndedJobs
from edge_agent.errors import problem_answer
from edge_agent.holdings import Holdings
from edge_agent.kept import KeptAttempts
from edge_agent.means import Means
from edge_agent.policy.admission import Admission
from edge_agent.protocol import Ending, JobKind, LogAck, LogKept, Offer, Problem, ProblemReason, RunnerName
from edge_agent.runners.base import Runner
from edge_agent.task_logs import TaskLogs
from tests.support.waiting import wait_until_async

CHUNK_BYTES = 1000
"""Small, so that what spans several chunks need not be large."""


def lives(pid: int | bytes) -> bool:
    """Whether a process runs. One that ended does not, also where tmux is late to reap it."""
    try:
        return Identity.of(int(pid)).is_alive()
    except ProcessLookupError:
        return False


async def gone(pid: int | bytes) -> None:
    """Wait until a process has ended."""
    await wait_until_async(lambda: not lives(pid), what=f"process {int(pid)} has ended")


@dataclass
class Job:
    """One job on its way."""

    attempt: AttemptDir
    assignment: Assignment
    log: bytearray = field(default_factory=bytearray)
    ending: Ending | None = None

    async def says(self, text: bytes, *, timeout: float = 20) -> list[bytes]:
        """Wait until its log holds a text, and return the words of the log."""
        what = f"its log says {text!r}"
        await wait_until_async(
            lambda: bytes(self.log[-200:]), until=lambda end: text in end, what=what, timeout=timeout
        )
        return bytes(self.log).split()

    async def ended(self, *, timeout: float = 30) -> Ending:
        """Wait until its end is reported."""
        await wait_until_async(lambda: self.ending is not None, what="its end is reported", timeout=timeout)
        assert self.ending is not None
        return self.ending


class RunnerBed:
    """Carries jobs out with one runner. ``group`` is what its tasks run in."""

    def __init__(self, runner: Runner, attempts: Path, group: asyncio.TaskGroup) -> None:
        self.runner = runner
        self.attempts = attempts
        self.jobs: dict[UUID, Job] = {}
        self.chunk_bytes = CHUNK_BYTES
        self.answers = asyncio.Event()
        """Whether the server answers."""
        self.answers.set()
        self.means = Means(
            admit=lambda _offer, payload: Admission(payload),
            runner_for=lambda _kind, _name: runner,
            send_log=self._take_log,
            log_chunk_bytes=lambda: self.chunk_bytes,
            report=self._take_ending,
            task_logs=TaskLogs(attempts.parent, agent="one", where="push", days=1, megabytes=1, environment=dict),
            dispose=KeptAttempts(attempts.with_name("kept"), hours=0, megabytes=0).dispose,
            ended=EndedJobs(attempts.with_name("ended_jobs")),
            cancel_grace_seconds=0.5,
            spawn=group.create_task,
            changed=lambda: None,
        )
        self.holdings = Holdings(100, self.means.spawn)

    def begin(self, command: list[str] | str, *, label: str = "job", **payload: Any) -> Job:
        """Begin what has just been confirmed. ``payload``: what else there is to say of it."""
        offer = Offer(
            assignment_id=uuid4(),
            job_id=uuid4(),
            kind=JobKind.COMMAND,
            slots=1,
            runner=RunnerName.LOCAL,
            label=label,
        )
        attempt = AttemptDir.create(self.attempts, offer.assignment_id, offer.model_dump(mode="json"))
        job = self._hold(Assignment(attempt, offer, self.means, Stage.STARTING))
        self.holdings.see_to(job.assignment, job.assignment.carry_out({"command": command, **payload}))
        return job

    async def run(self, command: list[str] | str, **payload: Any) -> Job:
        """Carry a command out to its end."""
        job = self.begin(command, **payload)
        await job.ended()
        return job

    def adopt(self, path: Path) -> Job:
        """See to what somebody else has started."""
        attempt = AttemptDir(path)
        offer = Offer.model_validate(attempt.read("offer.json"))
        job = self._hold(Assignment(attempt, offer, self.means, Stage.RUNNING))
        self.holdings.see_to(job.assignment, job.assignment.adopt())
        return job

    def cancel(self, job: Job) -> None:
        """End a job because nobody wants it any more."""
        self.holdings.end([job.assignment.id])

    def _hold(self, assignment: Assignment) -> Job:
        self.holdings.add(assignment)
        self.jobs[assignment.id] = Job(assignment.attempt, assignment)
        return self.jobs[assignment.id]

    async def _take_log(self, assignment_id: UUID, offset: int, content: bytes, _kept: LogKept | None) -> LogAck:
        await self.answers.wait()
        log = self.jobs[assignment_id].log
        if offset > len(log):
            gap = Problem(reason=ProblemReason.GAP, message="A gap.", expected_offset=len(log))
            raise problem_answer(gap, status=HTTPStatus.CONFLICT)
        log[offset:] = content
        return LogAck(next_offset=len(log))

    async def _take_ending(self, ending: Ending) -> None:
        self.jobs[ending.assignment_id].ending = ending
