"""What an agent counts of itself, what Prometheus is shown of it, and how it goes with heartbeats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contact import Contact
from edge_agent.counts import Counts, Spread
from edge_agent.errors import ProblemAnswer, QueueApiError, UndecodableAnswer, Unreachable, problem_answer
from edge_agent.heartbeat import FIGURES_PAUSE_SECONDS, Pulse
from edge_agent.loop_lag import LoopLag
from edge_agent.protocol import Beat, HostHealth, Problem, ProblemReason, metrics
from edge_agent.protocol.metrics import BUCKETS
from edge_agent.retry import HEARTBEAT, POLL, Asker


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def wanted():
    """Every how many seconds the server wants figures; what it says now."""
    return {"seconds": None}


@pytest.fixture
def pulse(clock, wanted):
    beating = Pulse(
        held=tuple,
        free_slots=lambda: 1,
        health=HostHealth,
        capabilities=dict,
        figures=lambda: {"slots": 4},
        figures_seconds=lambda: wanted["seconds"],
        clock=clock,
    )
    beating.begin({})
    return beating


def beat(pulse, clock):
    """Make the next beat, and have it heard."""
    made = pulse.next()
    pulse.acknowledged(made, sent_at=clock.now)
    return made


def test_a_server_that_does_not_ask_for_figures_gets_none(pulse, clock):
    """As one of the release before, which would refuse them."""
    assert beat(pulse, clock).figures is None
    assert "figures" not in beat(pulse, clock).model_dump_json(exclude_none=True)


def test_figures_come_as_often_as_the_server_wants_them(pulse, clock, wanted):
    wanted["seconds"] = 30.0
    came = []
    for _ in range(9):
        came.append(beat(pulse, clock).figures is not None)
        clock.now += 9
    assert came == [True, False, False, True, False, False, True, False, False]


def test_figures_of_a_beat_that_was_lost_come_with_its_repeat(pulse, wanted):
    wanted["seconds"] = 30.0
    assert (pulse.next().figures, pulse.next().figures) == ({"slots": 4}, {"slots": 4})


def invalid():
    return problem_answer(Problem(reason=ProblemReason.INVALID, message="figures: Extra inputs"), status=422)


async def test_a_server_that_cannot_read_figures_gets_the_same_beat_without_them_and_none_for_a_while(
    pulse, clock, wanted
):
    """One of the release before, beside the one that had asked."""
    wanted["seconds"] = 30.0
    sent: list[Beat] = []

    async def send(each: Beat) -> str:
        sent.append(each)
        if each.figures is not None:
            raise invalid()
        return "heard"

    made = pulse.next()
    assert await pulse.tell(made, send) == "heard"
    assert [(each.number, each.figures) for each in sent] == [(1, {"slots": 4}), (1, None)]
    pulse.acknowledged(made, sent_at=clock.now)
    clock.now += FIGURES_PAUSE_SECONDS - 1
    assert beat(pulse, clock).figures is None
    clock.now += 1
    assert beat(pulse, clock).figures == {"slots": 4}


@pytest.mark.parametrize("reason", [ProblemReason.SESSION_ENDED, ProblemReason.UNAVAILABLE])
async def test_any_other_refusal_of_a_beat_is_no_matter_of_figures(pulse, wanted, reason):
    wanted["seconds"] = 30.0

    async def send(_beat: Beat) -> None:
        raise problem_answer(Problem(reason=reason, message="no"), status=409)

    with pytest.raises(ProblemAnswer):
        await pulse.tell(pulse.next(), send)


async def test_a_beat_without_figures_that_is_refused_is_refused(pulse):
    async def send(_beat: Beat) -> None:
        raise invalid()

    with pytest.raises(ProblemAnswer):
        await pulse.tell(pulse.next(), send)


async def answered(counts, patience, *errors: QueueApiError):
    """Ask with these failures before an answer."""
    left: list[Any] = [*errors]

    async def call() -> None:
        if left:
            raise left.pop(0)

    async def sleep(_seconds: float) -> None:
        return

    await Asker(Contact(), counts, sleep=sleep).ask(patience, call)


async def test_requests_are_counted_by_verb_and_outcome_and_repeats_besides():
    counts = Counts()
    away = problem_answer(Problem(reason=ProblemReason.UNAVAILABLE, message="no"), status=503)
    await answered(counts, HEARTBEAT, Unreachable("no"), UndecodableAnswer("a page", status=502), away)
    assert counts.counted(metrics.REQUESTS) == {
        ("heartbeat", "unreachable"): 1,
        ("heartbeat", "foreign"): 1,
        ("heartbeat", "refused"): 1,
        ("heartbeat", "answered"): 1,
    }
    assert counts.counted(metrics.RETRIES) == {("heartbeat",): 3}
    assert counts.spreads(metrics.REQUEST_SECONDS)["heartbeat",].count == 1


async def test_how_long_a_poll_took_says_nothing():
    counts = Counts()
    await answered(counts, POLL)
    assert counts.counted(metrics.REQUESTS) == {("poll", "answered"): 1}
    assert counts.spreads(metrics.REQUEST_SECONDS) == {}


def test_a_counter_without_labels_is_there_before_anything_was_counted():
    assert Counts().counted(metrics.OFFERS) == {(): 0}
    assert Counts().counted(metrics.RETRIES) == {}


@given(st.lists(st.floats(0, 100)))
def test_each_time_is_in_one_bucket_and_no_smaller_one(times):
    spread = Spread()
    for seconds in times:
        spread.add(seconds)
    bounds = [*BUCKETS, float("inf")]
    assert spread.count == len(times)
    assert [sum(spread.buckets[: n + 1]) for n in range(len(bounds))] == [
        sum(seconds <= bound for seconds in times) for bound in bounds
    ]


async def test_the_loop_is_as_late_as_it_was_at_worst():
    clock, lag_of = Clock(), iter([0.0, 2.5, 0.1])

    async def sleep(seconds: float) -> None:
        lag = next(lag_of, None)
        if lag is None:
            raise asyncio.CancelledError
        clock.now += seconds + lag

    lag = LoopLag(sleep=sleep, clock=clock)
    assert lag.worst_seconds() == 0
    with pytest.raises(asyncio.CancelledError):
        await lag.run()
    assert lag.worst_seconds() == pytest.approx(2.5)
