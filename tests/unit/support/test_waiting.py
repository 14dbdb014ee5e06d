"""Waiting: on conditions, with a message that helps when they never come."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.waiting import NeverHappenedError, wait_until, wait_until_async


def test_the_first_value_that_satisfies_is_returned():
    numbers = itertools.count()
    assert wait_until(lambda: next(numbers), until=lambda n: n == 3, what="three", interval=0) == 3


def test_a_wait_that_fails_says_what_was_wanted_and_what_was_seen_last():
    with pytest.raises(NeverHappenedError, match=re.escape("pigs fly: not within 0 s; last seen: []")):
        wait_until(list, what="pigs fly", timeout=0)


def test_an_expected_exception_means_not_yet():
    answers: Iterator[str | Exception] = iter([ConnectionError("refused"), "pong"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait_until(ask, what="an answer", ignoring=(ConnectionError,), interval=0) == "pong"


def test_any_other_exception_ends_the_wait_at_once():
    def ask() -> bool:
        raise KeyError("state")

    with pytest.raises(KeyError, match="state"):
        wait_until(ask, what="an answer", ignoring=(ConnectionError,))


def test_a_wait_that_only_ever_raised_says_so():
    def ask() -> bool:
        raise ConnectionError("refused")

    with pytest.raises(NeverHappenedError, match=re.escape("last raised: ConnectionError('refused')")):
        wait_until(ask, what="an answer", ignoring=(ConnectionError,), timeout=0)


async def test_an_asynchronous_wait_asks_coroutines_and_plain_functions():
    numbers = itertools.count()

    async def count() -> int:
        return next(numbers)

    assert await wait_until_async(count, until=lambda n: n == 3, what="three", interval=0) == 3
    assert await wait_until_async(lambda: next(numbers), what="a number") == 4


def test_what_takes_long_to_answer_is_asked_less_often():
    asked: list[tuple[float, float]] = []

    def ask() -> int:
        began = time.monotonic()
        threading.Event().wait(0.02)
        asked.append((began, time.monotonic()))
        return len(asked)

    wait_until(ask, until=lambda times: times == 3, what="the third answer", interval=0)
    pauses = [(after - end) / (end - began) for (began, end), (after, _) in pairwise(asked)]
    assert all(pause >= 2 for pause in pauses)
