"""Wait for something to become true, never for time to pass.

This is the one place in the tests that sleeps.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_SECONDS = 0.5
"""Between two questions that are dear, if nobody wanted longer."""


class NeverHappenedError(AssertionError):
    """What was waited for did not become true in time."""


@dataclass
class _Watch(Generic[T]):
    """One wait: what was seen last, and how long it may go on."""

    what: str
    timeout: float
    until: Callable[[T], object]
    ignoring: tuple[type[Exception], ...]
    last: str = "nothing was seen yet"
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.timeout

    def accepts(self, value: T) -> bool:
        self.last = f"last seen: {value!r}"
        return bool(self.until(value))

    def missed(self, error: Exception) -> None:
        self.last = f"last raised: {error!r}"

    def check_time(self) -> None:
        if time.monotonic() >= self.deadline:
            msg = f"{self.what}: not within {self.timeout:g} s; {self.last}"
            raise NeverHappenedError(msg)


def wait_until(
    condition: Callable[[], T],
    *,
    what: str,
    timeout: float = 10,
    until: Callable[[T], object] = bool,
    ignoring: tuple[type[Exception], ...] = (),
    interval: float = 0.05,
) -> T:
    """Ask ``condition`` until its value satisfies ``until``, and return that value.

    ``what`` is the sentence the failure begins with. ``ignoring``: exceptions that mean "not yet".
    ``timeout`` and ``interval`` are seconds. A question that takes longer than that to answer is asked less often: what
    is waited for needs the processor too.

    :raises NeverHappenedError: with ``what`` and the last value or exception seen.
    """
    watch = _Watch(what, timeout, until, ignoring)
    while True:
        asked_at = time.monotonic()
        try:
            if watch.accepts(value := condition()):
                return value
        except watch.ignoring as error:
            watch.missed(error)
        watch.check_time()
        took = time.monotonic() - asked_at
        time.sleep(max(interval, min(2 * took, MOST_SECONDS)))


async def wait_until_async(
    condition: Callable[[], Any],
    *,
    what: str,
    timeout: float = 10,
    until: Callable[[Any], object] = bool,
    ignoring: tuple[type[Exception], ...] = (),
    interval: float = 0.01,
) -> Any:
    """Do what :func:`wait_until` does, without blocking the loop; ``condition`` may be asynchronous."""
    watch = _Watch[Any](what, timeout, until, ignoring)
    while True:
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if watch.accepts(value):
                return value
        except watch.ignoring as error:
            watch.missed(error)
        watch.check_time()
        await asyncio.sleep(interval)
