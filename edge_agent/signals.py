"""Signals: the first SIGTERM or SIGINT drains, the second ends what runs; SIGUSR1 hands over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_agent import handover

STOP = (signal.SIGTERM, signal.SIGINT)
NUMBERS = (*STOP, handover.SIGNAL)


@contextmanager
def on_signals(
    *, first: Callable[[], None], further: Callable[[], None], hand_over: Callable[[], None]
) -> Iterator[None]:
    """Call ``first`` at the first signal to stop and ``further`` at each one after; then restore what was before.

    ``hand_over`` is called when another agent of this host asks for the place of this one.
    """
    loop = asyncio.get_running_loop()
    seen = 0

    def handle() -> None:
        nonlocal seen
        seen += 1
        (first if seen == 1 else further)()

    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number in STOP:
        loop.add_signal_handler(number, handle)
    loop.add_signal_handler(handover.SIGNAL, hand_over)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
