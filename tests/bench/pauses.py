"""Letting time pass where passing time is what is measured: windows, and pauses of random length."""

from __future__ import annotations

import time

from tests.support.waiting import wait_until


def let_pass(seconds: float, what: str = "the pause") -> None:
    """Return when that time is over."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, what=f"{what} is over", timeout=seconds + 10, interval=0.02)
