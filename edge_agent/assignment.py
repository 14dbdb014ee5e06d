"""One assignment's life on the host: start, follow the log, wait, report, remove.

What if it dies here? Each step leaves its mark in the attempt directory before the next begins, and
:mod:`edge_agent.recovery` reads the marks:

=====================================  =======================================================================
the agent dies                         the next agent finds, and does
=====================================  =======================================================================
before the payload is written          an offer: says that it never started; the server queues it again
before the process claims              a payload: claims ``never`` itself, which keeps the process from
                                       starting, and says that it never started
while the process runs                 a claim and a living process: adopts it, goes on with its log
after it ended                         a result: delivers the rest of the log and the report
after the report, before the removal   a result: reports again, which is accepted again
=====================================  =======================================================================
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from edge_agent import last_words, spool
from edge_agent.attempt_dir import AttemptDir, Result
from edge_agent.endings import Evidence, Verdict, judge, rejected, unattended
from edge_agent.errors import CannotStart
from edge_agent.fresh_token import FreshToken
from edge_agent.log_stream import LogStream
from edge_agent.means import Means
from edge_agent.processes import Process, sweep
from edge_agent.progress import End, Progress
from edge_agent.protocol import JobKind, JobState, LogAck, Offer, metrics
from edge_agent.protocol.streams import Streams
from edge_agent.runners.base import Runner
from edge_agent.spooled_log import SpooledLog
from edge_agent.time_limit import time_limit

logger = logging.getLogger(__name__)


RESULT_LOOKS = 20
RESULT_LOOK_SECONDS = 0.05
"""How often and how long a parent other than the agent is given to record its child's end."""


class Stage(StrEnum):
    """Where an assignment stands on the host. The job's own state is the server's."""

    OFFERED = "offered"
    """Not confirmed yet. Nothing of it can run."""

    STARTING = "starting"
    """Confirmed; its process is being started."""

    RUNNING = "running"
    """Its process runs."""

    ENDED = "ended"
    """Its process is gone; log and report are on their way."""


class Assignment:
    """One assignment this agent has in hands. ``stage`` says how far it is."""

    def __init__(self, attempt: AttemptDir, offer: Offer, means: Means, stage: Stage = Stage.OFFERED) -> None:
        self.attempt = attempt
        self.offer = offer
        self.stage = stage
        self.never_started = False
        """Whether its directory proves that nothing was started and nothing will be."""
        self.is_confirming = False
        """Whether a confirm is under way: the server may have given it to us already, in an answer that is late."""
        self.work: asyncio.Task[None] | None = None
        """What carries it out, once it is confirmed or adopted."""
        self.log: SpooledLog | None = None
        """Its log on the disk, from when it is read."""
        self._means = means
        self._progress = Progress()
        self._writing = asyncio.Lock()
        self._process: Process | None = None
        self._ending: asyncio.Task[None] | None = None
        self._confirmed_at = 0.0
        self._about = {"assignment_id": str(offer.assignment_id), "job_id": str(offer.job_id), "label": offer.label}

    @property
    def id(self) -> UUID:
        """The assignment's id."""
        return self.offer.assignment_id

    @property
    def pid(self) -> int | None:
        """Its process; None before that was started."""
        return self._process.identity.pid if self._process else None

    def confirmed(self) -> None:
        """Note that it may start, from now on."""
        self.is_confirming = False
        self.stage = Stage.STARTING
        self._confirmed_at = time.monotonic()

    async def carry_out(self, payload: dict[str, Any]) -> None:
        """Start what was confirmed, and see to it until the server has taken its end."""
        try:
            runner = await self._start(payload)
        except CannotStart as error:
            await self.refuse(error)
            return
        await self._see_to_its_end(self._known_process(own_child=runner.starts_own_children))

    async def refuse(self, error: CannotStart) -> None:
        """Report what could not be started, or is not to be; as cancelled if that was asked for meanwhile."""
        self._move_to(Stage.ENDED)
        self._warn("Could not start %s: %s", "assignment_rejected", self.offer.label, error)
        end = self._progress.end
        verdict = judge(Evidence(None, end=end)) if end else rejected(str(error))
        stream = self._open_stream()
        self._explain(verdict)
        await stream.flush()
        await self._report(verdict, log_bytes=stream.log.delivered)

    async def adopt(self) -> None:
        """See to what an earlier agent started until the server has taken its end."""
        self._progress = self.attempt.progress()
        process = self._known_process()
        is_found_dead = not process.identity.is_alive()
        sentence = "Found %s ended." if is_found_dead else "Adopted %s, which runs as process %d."
        self._note(sentence, "assignment_adopted", *(self.offer.label, process.identity.pid)[: 2 - is_found_dead])
        if not is_found_dead and self._progress.end is not None:
            self.stage = Stage.RUNNING
            self.end(self._progress.end)
        await self._see_to_its_end(process, is_found_dead=is_found_dead)

    def end(self, why: End) -> None:
        """End its process: SIGTERM, grace, SIGKILL. Its end is reported. Asked again, do nothing."""
        if self.stage in (Stage.OFFERED, Stage.ENDED) or self._ending is not None:
            return
        self._note("Ending %s (%s).", "assignment_ending", self.offer.label, why)
        self._ending = self._means.spawn(self._end(why))

    async def drop(self) -> None:
        """End whatever runs, and forget it without a report: it is not ours any more."""
        self._note("Dropping %s: it was taken from this agent.", "assignment_dropped", self.offer.label)
        for task in (self.work, self._ending):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                await asyncio.wait({task})
        if not self.attempt.path.exists():  # it was reported and removed in the very moment
            return
        if await asyncio.to_thread(self.attempt.claim, "never") == "started":
            await self._known_process().end(self._means.cancel_grace_seconds)
            await asyncio.to_thread(self._means.task_logs.settle, self.attempt, self._progress)
            await asyncio.to_thread(self._means.ended.add, self.offer.job_id)
        await asyncio.to_thread(self.attempt.remove)

    async def give_up(self, error: Exception) -> None:
        """End and report what the agent cannot look after, be it for a defect of its own."""
        if await asyncio.to_thread(self.attempt.claim, "never") == "started":
            await self._known_process().end(self._means.cancel_grace_seconds)
            await asyncio.to_thread(self._means.task_logs.settle, self.attempt, self.attempt.progress())
        await self._report(unattended(f"{type(error).__name__}: {error}"), log_bytes=0)

    async def _start(self, payload: dict[str, Any]) -> Runner:
        runner = self._means.runner_for(self.offer.kind, self.offer.runner)
        admitted = self._means.admit(self.offer, payload)
        log = runner.log_of(admitted.payload)
        try:
            decided: dict[str, Any] = {
                **self._means.task_logs.decide(self.offer.kind, log),
                "time_seconds": admitted.time_seconds,
                "is_own_time": admitted.is_own_time,
                "is_woven": admitted.payload.get("streams") == Streams.APART,
            }
            if replace(self._progress, **decided) != self._progress:
                await self._write_progress(**decided)
            await asyncio.to_thread(self.attempt.write, "payload.json", admitted.payload)
        except OSError as error:
            msg = f"The agent's disk did not take it: {error.strerror}."
            raise CannotStart(msg) from error
        identity = await runner.start(self.attempt)
        self._process = Process(identity, own_child=runner.starts_own_children)
        seconds = time.monotonic() - self._confirmed_at
        self._means.counts.took(metrics.JOB_START, seconds, self.offer.runner.value)
        self._note("Started %s as process %d.", "assignment_started", self.offer.label, identity.pid)
        return runner

    async def _see_to_its_end(self, process: Process, *, is_found_dead: bool = False) -> None:
        stream = self._open_stream()
        self._move_to(Stage.RUNNING)
        gone = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.follow(gone))
            with self._time_limit():
                await process.ended()
            verdict = await self._judge(process, is_found_dead=is_found_dead)
            await asyncio.to_thread(self._means.task_logs.settle, self.attempt, self._progress)
            self._move_to(Stage.ENDED)
            FreshToken(self.attempt).forget()
            gone.set()
        await self._report(verdict, log_bytes=stream.log.delivered)

    async def _judge(self, process: Process, *, is_found_dead: bool) -> Verdict:
        result = await self._result(process, is_found_dead=is_found_dead)
        if result is None and self.attempt.claimed() is None and self.attempt.claim("never") == "never":
            said = last_words.tail(self.attempt.output) or "nothing"
            told = "" if self._progress.kept else f" It said: {said}"
            verdict = rejected(f"It ended before it began.{told}")
        else:
            own_seconds = self._progress.time_seconds if self._progress.is_own_time else None
            verdict = judge(Evidence(result, process.died_of, self._progress.end, is_found_dead, own_seconds))
        if result is None:
            sweep(process.identity)  # what it had started must not run on: Airflow may retry elsewhere
        self._explain(verdict)
        how = verdict.reason.value if verdict.exit_code is None else f"exit code {verdict.exit_code}"
        self._note("%s ended: %s (%s).", "assignment_ended", self.offer.label, verdict.state.value, how)
        return verdict

    async def _result(self, process: Process, *, is_found_dead: bool) -> Result | None:
        """Return how it ended, as it or its parent recorded it."""
        if process.own_child or is_found_dead:
            return self.attempt.result()
        # A killed task's end is recorded by its parent, the zygote, which learns of it when we do.
        for _ in range(RESULT_LOOKS):
            if (result := self.attempt.result()) is not None:
                return result
            await asyncio.sleep(RESULT_LOOK_SECONDS)
        return None

    async def _end(self, why: End) -> None:
        try:
            await self._write_progress(end=why)
        except OSError as error:  # a full disk must not keep it running; only our own restart would forget
            self._warn("Could not note that %s is ended: %s", "progress_unwritten", self.offer.label, error)
        # In the middle of a start, either this claim keeps it from starting, or it has an identity.
        if await asyncio.to_thread(self.attempt.claim, "never") == "started":
            await self._known_process().end(self._means.cancel_grace_seconds)

    async def _report(self, verdict: Verdict, *, log_bytes: int) -> None:
        ending = verdict.ending(self.id, log_bytes=log_bytes, ran_seconds=self.attempt.ran_seconds())
        self._means.counts.add(metrics.JOBS_ENDED, ending.state.value, ending.reason.value)
        refused = await self._means.report(ending)
        if refused is not None:
            self._warn("The end of %s was not taken: %s", "report_refused", self.offer.label, refused.message)
        if self.attempt.claimed() == "started":
            await asyncio.to_thread(self._means.ended.add, self.offer.job_id)
        failed = verdict.state is JobState.FAILED
        await asyncio.to_thread(self._means.dispose, self.attempt, failed=failed)

    def _time_limit(self) -> AbstractContextManager[None]:
        already = self.attempt.ran_seconds() or 0.0
        return time_limit(self._progress.time_seconds, already=already, exceeded=lambda: self.end("timeout"))

    def _known_process(self, *, own_child: bool = False) -> Process:
        """Return its process, which whoever claimed ``started`` has put down."""
        if self._process is None:
            identity = self.attempt.identity()
            assert identity is not None  # noqa: S101  a claim "started" holds it
            self._process = Process(identity, own_child=own_child)
        return self._process

    def _open_stream(self) -> LogStream:
        async def send(offset: int, content: bytes) -> LogAck:
            return await self._means.send_log(self.id, offset, content, self._progress.kept)

        is_woven = self._progress.is_woven
        note = partial(spool.note, self.offer.kind, is_woven=is_woven)
        passing = self._means.task_logs.passing(self.attempt, self._progress)
        self.log = SpooledLog(passing, self.attempt.path, note=note, is_woven=is_woven)
        return LogStream(self.log, send, chunk_bytes=self._means.log_chunk_bytes, about=self._about)

    async def _write_progress(self, **changes: Any) -> None:
        self._progress = replace(self._progress, **changes)
        async with self._writing:  # the last one written is the latest
            await asyncio.to_thread(self.attempt.write_progress, self._progress)

    def _explain(self, verdict: Verdict) -> None:
        """Tell the reader of a task's log what the log cannot say, as its supervisor is dead."""
        log = self.attempt.path / self._progress.log
        if verdict.is_explained or self.offer.kind is not JobKind.TASK or log == self.attempt.output:
            return
        try:
            self._means.task_logs.explain(self.attempt, self._progress, verdict)
        except OSError as error:
            self._warn("Could not add to the log of %s: %s", "log_unwritten", self.offer.label, error)

    def _move_to(self, stage: Stage) -> None:
        self.stage = stage
        self._means.changed()

    def _note(self, sentence: str, event: str, *args: object) -> None:
        logger.info(sentence, *args, extra={"event": event, **self._about})

    def _warn(self, sentence: str, event: str, *args: object) -> None:
        logger.warning(sentence, *args, extra={"event": event, **self._about})
