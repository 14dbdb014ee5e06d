"""The longest that a job may run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def time_limit(seconds: float | None, *, already: float, exceeded: Callable[[], None]) -> Iterator[None]:
    """Call ``exceeded`` once when the block lasts longer than is left of ``seconds``. None: no limit.

    ``already``: how many seconds were over before, which may be too many.
    """
    if seconds is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(max(0.0, seconds - already), exceeded)
    try:
        yield
    finally:
        timer.cancel()
