"""What is worth asking again, and the list of waits each verb takes."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent import retry
from edge_agent.contact import Contact
from edge_agent.errors import SettingsError, UndecodableAnswer, Unreachable, problem_answer
from edge_agent.protocol import Problem, ProblemReason
from edge_agent.retry import (
    CONFIRM,
    HEARTBEAT,
    LEAVE,
    POLL,
    REGISTER,
    REGISTER_WITH_WORK,
    REPORT,
    SEND_LOG,
    Asker,
    Patience,
)

PASSING = {ProblemReason.UNAVAILABLE, ProblemReason.INTERNAL}


def problem(reason, status=400, retry_after_seconds=None):
    return problem_answer(Problem(reason=reason, message="x"), status=status, retry_after_seconds=retry_after_seconds)


class Time:
    """A clock that moves when one sleeps, and remembers for how long."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


def asker(time, *, part=1.0):
    """Make an asker whose chance always takes the upper end, or ``part`` of the way to it."""
    return Asker(
        Contact(time.clock),
        sleep=time.sleep,
        uniform=lambda low, high: low + (high - low) * part,
    )


class Failing:
    """Fails as told, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.mark.parametrize("reason", list(ProblemReason))
def test_a_problem_is_asked_again_when_it_says_itself_that_it_passes(reason):
    assert retry.is_worth_asking_again(problem(reason)) == (reason in PASSING)
    assert retry.is_worth_asking_again(problem(reason, status=429))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unreachable("x"), True),
        (UndecodableAnswer("a page", status=200), True),
        (UndecodableAnswer("no such page", status=404), True),
        (UndecodableAnswer("too large", status=413), False),
        (SettingsError("x"), False),
        (ValueError("x"), False),
    ],
    ids=repr,
)
def test_no_answer_and_a_foreign_answer_are_asked_again_and_a_defect_is_not(error, again):
    assert retry.is_worth_asking_again(error) is again


async def test_waits_double_up_to_their_cap(time):
    call = Failing(*[Unreachable("x")] * 7)
    assert await asker(time).ask(REGISTER, call) == "answer"
    assert time.slept == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("patience", "first"),
    [
        (REGISTER_WITH_WORK, [1, 2, 4, 4]),
        (POLL, [0.5, 1, 2, 4, 8, 8]),
        (HEARTBEAT, [0.5, 1, 2, 4, 4]),
        (CONFIRM, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]),
        (SEND_LOG, [0.5, 1, 2, 4, 8, 8]),
        (REPORT, [0.5, 1, 2, 4, 8, 8]),
    ],
)
async def test_each_verb_has_its_own_patience(time, patience, first):
    await asker(time).ask(patience, Failing(*[Unreachable("x")] * len(first)))
    assert time.slept == pytest.approx(first)


async def test_chance_shortens_a_wait_by_up_to_half(time):
    await asker(time, part=0.0).ask(REGISTER, Failing(*[Unreachable("x")] * 3))
    assert time.slept == [0.5, 1, 2]


async def test_an_outage_of_hours_is_survived(time):
    call = Failing(*[Unreachable("x")] * 2_000)
    assert await asker(time).ask(REPORT, call) == "answer"
    assert time.now > 4 * 3600


async def test_attempts_are_capped(time):
    call = Failing(*[Unreachable("x")] * 9)
    with pytest.raises(Unreachable):
        await asker(time).ask(LEAVE, call)
    assert call.calls == 4
    assert sum(time.slept) == 2.5


async def test_total_time_is_capped_also_while_an_answer_is_waited_for(time):
    patience = Patience("x", 1.0, 100.0, total_seconds=0.05)
    with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
        await asker(time).ask(patience, asyncio.Event().wait)


@pytest.mark.parametrize(
    ("patience", "asked", "waited"),
    [
        (POLL, 3.0, 3.75),
        (POLL, 3600.0, 75.0),
        (POLL, 0.0, 0.5),
        (REGISTER, 3600.0, 30.0),
        (REGISTER_WITH_WORK, 3600.0, 5.0),
        (HEARTBEAT, 3600.0, 5.0),
    ],
)
async def test_retry_after_is_honoured_within_reason(time, patience, asked, waited):
    """Not before the time asked for, not all at once, and not for ever: not until the agent is taken for lost."""
    error = problem(ProblemReason.UNAVAILABLE, 503, retry_after_seconds=asked)
    await asker(time).ask(patience, Failing(error))
    assert time.slept == [waited]


async def test_a_refusal_is_raised_at_once(time):
    call = Failing(problem(ProblemReason.FORBIDDEN, 403))
    with pytest.raises(type(call.errors[0])):
        await asker(time).ask(REGISTER, call)
    assert (call.calls, time.slept) == (1, [])


async def test_an_outage_is_told_when_it_begins_when_it_lasts_and_when_it_ends(time, caplog):
    caplog.set_level("INFO")
    await asker(time).ask(REPORT, Failing(*[Unreachable("x")] * 12))
    events = [record.event for record in caplog.records]
    assert (events[0], events[-1]) == ("contact_lost", "contact_regained")
    assert set(events[1:-1]) == {"contact_still_lost"}
    assert len(events) == 3


async def test_a_refusal_is_contact_too(time):
    contact = Contact(time.clock)
    assert contact.seconds_since_heard() is None
    with pytest.raises(Exception, match="x"):
        await Asker(contact, sleep=time.sleep).ask(REPORT, Failing(problem(ProblemReason.CONFLICT)))
    assert (contact.away, contact.seconds_since_heard()) == (False, 0.0)
    assert contact.heard_at is not None
    assert contact.last_failure is not None
    assert (contact.last_failure.verb, contact.last_failure.why) == ("report", "x")


async def test_what_went_wrong_last_is_known_after_it_is_over(time):
    contact = Contact(time.clock)
    await Asker(contact, sleep=time.sleep).ask(REPORT, Failing(Unreachable("the first"), Unreachable("the last")))
    assert not contact.away
    assert contact.last_failure is not None
    assert contact.last_failure.why == "the last"
