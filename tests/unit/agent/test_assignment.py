"""One assignment, with a runner that does what the test wants: what a real one does too rarely to wait for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from edge_agent.assignment import Assignment, Stage
from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.ended_jobs import EndedJobs
from edge_agent.errors import CannotStart
from edge_agent.holdings import Holdings
from edge_agent.kept import KeptAttempts
from edge_agent.means import Means
from edge_agent.policy.admission import Admission
from edge_agent.protocol import EndReason, JobKind, JobState, LogAck
from edge_agent.runners.base import Runner
from edge_agent.task_logs import TaskLogs
from tests.support.waiting import wait_until_async
from tests.unit.protocol.examples import OFFER

GONE = Identity(pid=2**22 + 1, start_ticks=1, boot_id="x")
"""A process that has ended."""


class Child(Runner):
    """Starts what claims as a child does, has ended at once, and leaves what ``does`` does."""

    def __init__(self):
        self.does = lambda attempt: attempt.write_result(Result(exit_code=0))
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.asked = asyncio.Event()

    async def start(self, attempt):
        self.asked.set()
        await self.may_start.wait()
        if attempt.claim("started") != "started":
            raise CannotStart("it is no longer wanted")
        attempt.write_identity(GONE)
        self.does(attempt)
        return GONE

    def log_of(self, payload):
        return payload.get("log", "output.log")


def task_logs(folder, where):
    return TaskLogs(folder, agent="one", where=where, days=1, megabytes=1, environment=dict)


class Bed:
    """What an agent would give its assignments, and what came of it."""

    def __init__(self, folder):
        self.folder = folder
        self.runner = Child()
        self.time_seconds = None
        self.endings = []
        self.log = bytearray()
        self.group = asyncio.TaskGroup()
        self.means = Means(
            admit=lambda _offer, payload: Admission(payload, self.time_seconds),
            runner_for=lambda _kind, _name: self.runner,
            send_log=self.take,
            log_chunk_bytes=lambda: 1000,
            report=self.report,
            task_logs=task_logs(folder, "push"),
            dispose=KeptAttempts(folder / "kept", hours=0, megabytes=0).dispose,
            ended=EndedJobs(folder / "ended_jobs"),
            cancel_grace_seconds=0.1,
            spawn=self.group.create_task,
            changed=lambda: None,
        )
        self.holdings = Holdings(4, self.means.spawn)

    def keep_logs(self, where):
        """Have the logs of tasks go there."""
        self.means = replace(self.means, task_logs=task_logs(self.folder, where))

    async def take(self, _assignment_id, offset, content, _kept):
        self.log[offset:] = content
        return LogAck(next_offset=len(self.log))

    async def report(self, ending):
        self.endings.append(ending)

    def confirm(self, payload=None, kind=JobKind.COMMAND):
        """Begin an assignment as if it had just been confirmed."""
        offer = OFFER.model_copy(update={"assignment_id": uuid4(), "kind": kind})
        attempt = AttemptDir.create(self.folder, offer.assignment_id, {})
        assignment = Assignment(attempt, offer, self.means, Stage.STARTING)
        self.holdings.add(assignment)
        self.holdings.see_to(assignment, assignment.carry_out(payload or {}))
        return assignment

    async def over(self):
        await wait_until_async(lambda: self.holdings.is_empty, what="all assignments are over")
        assert [each for each in self.folder.iterdir() if each.is_dir()] == []


@pytest.fixture
async def bed(tmp_path):
    it = Bed(tmp_path)
    async with it.group:
        yield it


def how(bed):
    return [(ending.state, ending.reason) for ending in bed.endings]


async def test_it_is_started_reported_and_removed(bed):
    bed.confirm()
    assert bed.holdings.free_slots == 3
    await bed.over()
    assert how(bed) == [(JobState.SUCCEEDED, EndReason.EXIT)]
    assert bed.holdings.free_slots == 4


async def test_what_cannot_start_is_rejected_with_the_reason(bed):
    async def refuse(_attempt):
        raise CannotStart("the host is on fire")

    bed.runner.start = refuse
    bed.confirm()
    await bed.over()
    assert how(bed) == [(JobState.FAILED, EndReason.REJECTED)]
    assert bed.endings[0].message == "the host is on fire"


async def test_a_cancel_in_the_middle_of_the_start_keeps_it_from_starting(bed):
    bed.runner.may_start.clear()
    assignment = bed.confirm()
    await bed.runner.asked.wait()
    bed.holdings.end([assignment.id, uuid4()])
    await wait_until_async(assignment.attempt.claimed, what="the start is forbidden")
    bed.runner.may_start.set()
    await bed.over()
    assert how(bed) == [(JobState.CANCELLED, EndReason.CANCELLED)]


async def test_a_drop_in_the_middle_of_the_start_keeps_it_from_starting_and_reports_nothing(bed):
    bed.runner.may_start.clear()
    assignment = bed.confirm()
    await bed.runner.asked.wait()
    first, second = bed.holdings.drop([assignment.id]), bed.holdings.drop([assignment.id])
    assert first == second, "told twice, it is done once"
    await asyncio.wait(first)
    bed.runner.may_start.set()
    await bed.over()
    assert bed.endings == []
    assert bed.holdings.drop([assignment.id]) == []


async def test_a_defect_of_one_is_reported_and_costs_no_other(bed, caplog):
    bed.runner.log_of = lambda payload: payload["log"]
    bed.confirm()
    bed.confirm({"log": "output.log"})
    await bed.over()
    assert sorted(how(bed)) == [(JobState.FAILED, EndReason.SIGNAL), (JobState.SUCCEEDED, EndReason.EXIT)]
    assert "KeyError" in caplog.text
    assert "KeyError: 'log'" in next(ending.message for ending in bed.endings if ending.message)


async def test_a_process_that_ended_before_it_claimed_is_rejected_with_what_it_said(bed):
    async def start(attempt):
        attempt.output.write_text("no such module")
        return GONE

    bed.runner.start = start
    bed.confirm()
    await bed.over()
    assert how(bed) == [(JobState.FAILED, EndReason.REJECTED)]
    assert bed.endings[0].message == "It ended before it began. It said: no such module"


async def test_a_result_that_a_parent_records_late_is_waited_for(bed):
    late: list[AttemptDir] = []
    bed.runner.does = late.append
    bed.confirm()
    await wait_until_async(lambda: late, what="it has ended")
    late[0].write_result(Result(exit_code=None, signal=15))
    await bed.over()
    assert (bed.endings[0].reason, bed.endings[0].signal) == (EndReason.SIGNAL, 15)


async def test_a_tasks_log_is_told_what_its_dead_supervisor_cannot_say(bed):
    def die(attempt):
        attempt.output.write_text("Out of memory")
        attempt.write_result(Result(exit_code=1))

    bed.runner.does = die
    bed.confirm({"log": "log/a.log"}, kind=JobKind.TASK)
    await bed.over()
    assert b"The last of its output:\\nOut of memory" in bed.log
    assert bed.endings[0].log_bytes == len(bed.log)


async def test_a_disk_that_takes_no_payload_is_told(bed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AttemptDir, "write", full)
    monkeypatch.setattr(AttemptDir, "create", lambda folder, each, _offer: AttemptDir(make(folder / str(each))))
    bed.confirm()
    await bed.over()
    assert how(bed) == [(JobState.FAILED, EndReason.REJECTED)]
    assert "No space left on device" in bed.endings[0].message


async def test_a_disk_that_takes_no_log_of_a_task_is_told(bed):
    bed.keep_logs("off")
    (bed.folder / "task_logs").write_text("a file is in the way")
    bed.confirm({"log": "log/t.log"}, JobKind.TASK)
    await bed.over()
    (ending,) = bed.endings
    assert (ending.reason, ending.message) == (EndReason.REJECTED, "The agent's disk did not take it: File exists.")


async def test_words_about_a_log_that_cannot_be_written_end_no_task(bed, caplog):
    def does(attempt):
        attempt.said.symlink_to("/nowhere/said.log")
        attempt.write_result(Result(exit_code=0, state="success"))

    bed.keep_logs("store")
    bed.runner.does = does
    bed.confirm({"log": "log/t.log"}, JobKind.TASK)
    await bed.over()
    (ending,) = bed.endings
    assert ending.state is JobState.SUCCEEDED
    assert "said.log" in caplog.text


def make(path):
    path.mkdir()
    return path


async def test_an_adopted_process_that_is_gone_is_reported_with_the_cause(bed):
    offer = OFFER.model_copy(update={"assignment_id": uuid4(), "kind": JobKind.COMMAND})
    attempt = AttemptDir.create(bed.folder, offer.assignment_id, {})
    attempt.claim("started")
    attempt.write_identity(GONE)
    assignment = Assignment(attempt, offer, bed.means, Stage.RUNNING)
    bed.holdings.add(assignment)
    bed.holdings.see_to(assignment, assignment.adopt())
    await bed.over()
    assert how(bed) == [(JobState.FAILED, EndReason.AGENT_RESTART)]


async def test_the_status_says_where_it_stands(bed):
    bed.runner.may_start.clear()
    assignment = bed.confirm()
    await bed.runner.asked.wait()
    assert assignment.stage is Stage.STARTING
    assert bed.holdings.held() == (assignment.id,)
    assert assignment.id in bed.holdings
    bed.runner.may_start.set()
    await bed.over()
