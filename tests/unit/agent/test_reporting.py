"""Endings: in batches, in order, and one the server cannot read holds up no other."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from edge_agent.errors import problem_answer
from edge_agent.protocol import Ending, EndReason, JobState, Problem, ProblemReason, Refused, ReportAnswer
from edge_agent.reporting import Reporting
from edge_agent.status.board import StatusBoard
from tests.support.waiting import wait_until_async
from tests.unit.protocol.examples import MESSAGES


class Sessions:
    """One session that never ends, with room for three endings in a message."""

    def __init__(self):
        session = MESSAGES["Session"]
        self.latest = session.model_copy(update={"limits": session.limits.model_copy(update={"batch": 3})})

    async def current(self):
        return self.latest

    async def ask(self, _patience, verb):
        return await verb(self.latest)


class Server:
    def __init__(self):
        self.batches = []
        self.unreadable = set()
        self.refuses = set()
        self.silent_about = set()
        self.open = asyncio.Event()
        self.open.set()

    async def report(self, _session, report):
        await self.open.wait()
        ids = [ending.assignment_id for ending in report.endings]
        self.batches.append(ids)
        if self.unreadable & set(ids):
            raise problem_answer(Problem(reason=ProblemReason.INVALID, message="x"), status=422)
        known = [each for each in ids if each not in self.silent_about]
        return ReportAnswer(
            accepted=tuple(each for each in known if each not in self.refuses),
            refused=tuple(
                Refused(assignment_id=each, state=None, message="no") for each in known if each in self.refuses
            ),
        )


@pytest.fixture
async def bed():
    server: Any = Server()
    sessions: Any = Sessions()
    reporting = Reporting(sessions, server, StatusBoard(), unreadable_seconds=0.01)
    loop = asyncio.ensure_future(reporting.run())
    yield server, reporting
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


def ending():
    return Ending(assignment_id=uuid4(), state=JobState.SUCCEEDED, reason=EndReason.EXIT, exit_code=0, log_bytes=0)


async def test_endings_are_reported_in_order_and_in_batches_of_the_size_allowed(bed):
    server, reporting = bed
    server.open.clear()
    endings = [ending() for _ in range(7)]
    delivered = asyncio.gather(*(reporting.deliver(each) for each in endings))
    await asyncio.sleep(0)
    server.open.set()
    assert await delivered == [None] * 7
    assert [len(batch) for batch in server.batches] == [3, 3, 1]
    assert sum(server.batches, []) == [each.assignment_id for each in endings]  # noqa: RUF017  seven of them


async def test_a_refusal_reaches_whom_it_concerns(bed):
    server, reporting = bed
    good, bad = ending(), ending()
    server.refuses = {bad.assignment_id}
    answers = await asyncio.gather(reporting.deliver(good), reporting.deliver(bad))
    assert answers[0] is None
    assert answers[1].assignment_id == bad.assignment_id


async def test_one_the_server_cannot_read_is_kept_and_repeated_and_the_others_go_through(bed):
    server, reporting = bed
    endings = [ending() for _ in range(3)]
    server.unreadable = {endings[1].assignment_id}
    tasks = [asyncio.ensure_future(reporting.deliver(each)) for each in endings]
    await tasks[0]
    await tasks[2]
    assert not tasks[1].done()
    server.unreadable = set()
    assert await tasks[1] is None


async def test_one_the_server_says_nothing_about_is_repeated(bed):
    server, reporting = bed
    forgotten = ending()
    server.silent_about = {forgotten.assignment_id}
    task = asyncio.ensure_future(reporting.deliver(forgotten))
    await wait_until_async(lambda: len(server.batches) >= 2, what="it is repeated")
    assert not task.done()
    server.silent_about = set()
    assert await task is None


async def test_one_that_nobody_waits_for_any_more_is_not_reported(bed):
    server, reporting = bed
    server.open.clear()
    first = asyncio.ensure_future(reporting.deliver(ending()))
    await asyncio.sleep(0)
    dropped = asyncio.ensure_future(reporting.deliver(forgotten := ending()))
    await asyncio.sleep(0)
    dropped.cancel()
    server.open.set()
    await first
    await reporting.deliver(ending())
    assert forgotten.assignment_id not in sum(server.batches, [])  # noqa: RUF017  three of them
