"""Letting time pass where passing time is what is measured: windows, and pauses of random length."""

from __future__ import annotations

import asyncio
import time

from tests.support.waiting import wait_until


def let_pass(seconds: float, what: str = "the pause") -> None:
    """Return when that time is over."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, what=f"{what} is over", timeout=seconds + 10, interval=0.02)


async def pass_until(moment: float) -> None:
    """Return at that moment of the monotonic clock, for requests that are made at a pace."""
    loop = asyncio.get_running_loop()
    come = loop.create_future()
    loop.call_at(moment, come.set_result, None)
    await come
