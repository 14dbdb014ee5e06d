"""Signals: the first SIGTERM or SIGINT drains, the second ends what runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NUMBERS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_signals(*, first: Callable[[], None], further: Callable[[], None]) -> Iterator[None]:
    """Call ``first`` at the first signal and ``further`` at each one after; then restore what was before."""
    loop = asyncio.get_running_loop()
    seen = 0

    def handle() -> None:
        nonlocal seen
        seen += 1
        (first if seen == 1 else further)()

    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number in NUMBERS:
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
