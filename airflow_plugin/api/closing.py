"""Held polls end when the server is asked to stop.

A server waits for its requests before it ends the lifespan; a held poll would make every restart of
an API server take as long as a poll may last.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def told_when_stopping(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` in the running loop when the process is asked to stop, besides what its server does.

    Only the main thread may look at signals; elsewhere (a test server in a thread) nobody is told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stopping(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(tell)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):  # the server's own; without one the process would end by the signal itself
            signal.signal(number, stopping)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stopping:
                signal.signal(number, handler)
