"""Which loop is stuck: by a clock that does not run while the whole process stands still."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.status.board import LONGEST_LOOK_SECONDS, SPARE_SECONDS, StatusBoard


class Time:
    def __init__(self):
        self.now = 0.0
        self.board = StatusBoard(clock=lambda: self.now)

    def passes(self, seconds):
        """Pass, while some loop looks at the clock now and then."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.board.doing("another", "living")


@pytest.fixture
def time():
    return Time()


def test_a_loop_that_takes_longer_than_it_may_is_stuck_until_it_says_something(time):
    time.board.doing("spool", "tidying", within_seconds=10)
    time.passes(10 + SPARE_SECONDS)
    assert time.board.faults() == []
    time.passes(5)
    (fault,) = time.board.faults()
    assert fault.startswith("The loop 'spool' (tidying) has been stuck for 75 s, and may take 10 s: restart the agent")
    assert not time.board.loops()["spool"].ok
    time.board.doing("spool", "tidying", within_seconds=10)
    assert time.board.faults() == []


def test_a_loop_that_may_wait_for_ever_is_never_stuck(time):
    time.board.doing("reporting", "waiting for a job to end")
    time.passes(10_000)
    assert time.board.faults() == []


def test_the_time_without_a_session_does_not_count_for_who_asks(time):
    time.board.session(is_open=True)
    time.board.doing("polling", "waiting", within_seconds=10, asks=True)
    time.board.session(is_open=False)
    time.passes(10_000)
    assert time.board.faults() == []
    time.board.session(is_open=True)
    time.passes(10 + SPARE_SECONDS)
    assert time.board.faults() == []
    time.passes(1)
    assert len(time.board.faults()) == 1


def test_nobody_is_stuck_who_had_no_chance_to_move(time):
    """The process was stopped for an hour, or its machine was paused."""
    time.board.doing("spool", "tidying", within_seconds=SPARE_SECONDS)
    time.now += 3600
    assert time.board.faults() == []
    time.passes(2 * SPARE_SECONDS - LONGEST_LOOK_SECONDS)
    assert time.board.faults() == []
    time.passes(1)
    assert len(time.board.faults()) == 1


async def test_a_loop_that_has_ended_is_a_fault_unless_the_agent_leaves(time):
    async def over():
        pass

    task = asyncio.ensure_future(over())
    time.board.watch("polling", task)
    assert time.board.faults() == []
    await task
    (fault,) = time.board.faults()
    assert fault.startswith("The loop 'polling' has ended: restart the agent")
    time.board.leave()
    assert time.board.faults() == []
    assert time.board.loops()["polling"].ok


async def test_only_news_is_a_change(time):
    """The file is written at each change: an idle agent writes nothing."""
    time.board.doing("polling", "waiting", within_seconds=10)
    await time.board.wait_for_change()
    time.board.doing("polling", "waiting", within_seconds=20)
    waiting = asyncio.ensure_future(time.board.wait_for_change())
    await asyncio.sleep(0)
    assert not waiting.done()
    time.board.doing("polling", "working")
    await waiting
