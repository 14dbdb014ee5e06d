"""When it beats, when it polls, when it is drained: by a clock that only moves when one sleeps."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from edge_agent.drain import Drain
from edge_agent.heartbeat import Pulse
from edge_agent.polling import Polling
from edge_agent.protocol import Capabilities, Directives, HostHealth, PollAnswer
from tests.support.waiting import wait_until_async
from tests.unit.protocol.examples import LIMITS


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pulse(clock):
    beating = Pulse(held=lambda: (), free_slots=lambda: 3, health=HostHealth, capabilities=dict, clock=clock)
    beating.begin({})
    return beating


def test_a_registration_is_heard_like_a_beat(pulse, clock):
    assert not pulse.is_due(10)
    clock.now += 7.9
    assert not pulse.is_due(10)
    clock.now += 0.1
    assert pulse.is_due(10)


def test_a_beat_keeps_its_number_until_it_was_acknowledged(pulse, clock):
    first, repeated = pulse.next(), pulse.next()
    assert (first.number, repeated.number) == (1, 1)
    pulse.acknowledged(repeated, sent_at=clock.now)
    assert pulse.next().number == 2


def test_a_beat_acknowledged_twice_counts_once(pulse, clock):
    """The poll that carried it returns after a lone beat of the same number was heard."""
    beat = pulse.next()
    pulse.acknowledged(beat, sent_at=clock.now)
    pulse.acknowledged(beat, sent_at=clock.now)
    assert pulse.next().number == 2


def test_what_a_beat_says_is_as_of_when_it_is_sent(clock):
    held: list[UUID] = []
    beating = Pulse(held=lambda: tuple(held), free_slots=lambda: 1, health=HostHealth, capabilities=dict, clock=clock)
    beating.begin({})
    assert beating.next().held == ()
    held.append(uuid4())
    assert beating.next().held == tuple(held)


def test_capabilities_are_told_when_they_have_changed_until_that_is_acknowledged(clock):
    now: Capabilities = {}
    beating = Pulse(held=tuple, free_slots=lambda: 1, health=HostHealth, capabilities=lambda: now, clock=clock)
    beating.begin({})
    assert (beating.next().capabilities, beating.is_due(10)) == (None, False)
    now = {"runner.tmux": True}
    assert beating.is_due(10), "at once, not with the next beat that would be due"
    beating.next()
    beating.acknowledged(beating.next(), sent_at=clock.now)
    assert (beating.next().capabilities, beating.is_due(10)) == (None, False)
    now = {}
    assert beating.next().capabilities == {}


def test_numbers_begin_anew_with_each_session(pulse, clock):
    pulse.acknowledged(pulse.next(), sent_at=clock.now)
    pulse.begin({})
    assert pulse.next().number == 1


def test_silence_is_counted_from_when_a_beat_was_sent_and_dueness_from_when_one_was_heard(pulse, clock):
    clock.now += 9
    pulse.next()
    assert (pulse.seconds_silent(), pulse.seconds_unsaid()) == (0, 9)
    assert pulse.is_due(10), "nobody has acknowledged it"


class Held:
    """As much of the holdings as a drain looks at."""

    def __init__(self):
        self.running = 0
        self.is_empty = True
        self.event = asyncio.Event()

    def changed(self):
        self.event.set()

    async def wait_for_change(self):
        self.event.clear()
        await self.event.wait()

    def hold(self, running, *, empty):
        self.running, self.is_empty = running, empty
        self.changed()


@pytest.fixture
def held():
    return Held()


@pytest.fixture
async def finished(held, clock):
    drain = Drain(held, clock=clock, delivery_seconds=10)
    task = asyncio.ensure_future(drain.finished())
    yield drain, task
    task.cancel()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def done(task):
    await wait_until_async(task.done, what="the drain is finished")


async def test_an_idle_agent_is_drained_at_once(finished):
    drain, task = finished
    await settle()
    assert not task.done()
    assert not drain.is_on
    drain.ask(3600)
    assert drain.is_on
    await done(task)


async def test_a_drain_waits_for_what_runs(finished, held):
    drain, task = finished
    held.hold(2, empty=False)
    assert (drain.reason, drain.seconds_left) == (None, None)
    drain.ordered(wanted=True, seconds_left=None)
    assert (drain.reason, drain.seconds_left) == ("drained by an admin", None)
    drain.ask(3600)
    assert (drain.reason, drain.seconds_left) == ("told to stop on this host", 3600)
    await settle()
    assert not task.done()
    held.hold(0, empty=True)
    await done(task)


async def test_a_drain_waits_a_little_for_what_ended_to_be_delivered(finished, held, clock):
    drain, task = finished
    held.hold(0, empty=False)
    drain.ask(3600)
    await settle()
    assert not task.done()
    clock.now += 11
    held.changed()
    await done(task)


async def test_a_confirm_that_is_answered_late_is_waited_for_like_any_job(finished, held, clock):
    """Nothing runs, but something may: what was confirmed has to be run."""
    drain, task = finished
    held.hold(0, empty=False)
    drain.ask(3600)
    await settle()
    held.hold(1, empty=False)
    clock.now += 60
    await settle()
    assert not task.done()
    held.hold(0, empty=True)
    await done(task)


async def test_a_deadline_ends_a_drain_while_work_runs(finished, held, clock):
    drain, task = finished
    held.hold(1, empty=False)
    drain.ask(5)
    drain.ask(5000)
    await settle()
    clock.now += 5
    held.changed()
    await done(task)


async def test_a_drain_that_was_ordered_may_be_taken_back(finished, held):
    drain, task = finished
    held.hold(1, empty=False)
    drain.ordered(wanted=True, seconds_left=None)
    await settle()
    assert drain.is_on
    drain.ordered(wanted=False, seconds_left=None)
    held.hold(0, empty=True)
    await settle()
    assert (drain.is_on, task.done()) == (False, False)


async def test_the_deadline_of_an_order_is_as_last_told(finished, held, clock):
    drain, task = finished
    held.hold(1, empty=False)
    drain.ordered(wanted=True, seconds_left=5)
    clock.now += 4
    drain.ordered(wanted=True, seconds_left=60)
    clock.now += 5
    held.changed()
    await settle()
    assert not task.done()
    clock.now += 60
    held.changed()
    await done(task)


async def test_an_order_taken_back_does_not_take_back_a_signal(finished, held):
    drain, _task = finished
    held.hold(1, empty=False)
    drain.ask(3600)
    drain.ordered(wanted=True, seconds_left=None)
    drain.ordered(wanted=False, seconds_left=None)
    assert drain.is_on


class HastyServer:
    """As much of sessions, client, intake and board as a poll needs; answers at once, and offers nothing."""

    limits = LIMITS
    session_id = UUID(int=1)

    async def ask(self, _patience, verb):
        return await verb(self)

    async def poll(self, _session, _poll):
        await asyncio.sleep(0)
        return PollAnswer(directives=Directives())

    async def look_at_disk(self):
        pass

    async def meet(self, server_keys):
        pass

    def take(self, offers):
        pass

    def renewed(self, session, token):
        pass

    def apply(self, directives):
        pass

    def doing(self, *what, **more):
        pass


@pytest.mark.parametrize("turns", range(8))
async def test_an_end_that_comes_in_the_moment_of_a_change_ends_the_polling(held, pulse, turns):
    """A cancellation that is swallowed leaves an agent that drains and never leaves."""
    server: Any = HastyServer()
    polling = Polling(
        server,
        server,
        holdings=held,
        intake=server,
        pulse=pulse,
        obedience=server,
        board=server,
        free_slots=lambda: 1,
    )
    task = asyncio.ensure_future(polling.run())
    await settle()
    await settle()  # by now it pauses between two answers
    held.changed()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await settle()
    assert task.cancelled()
