"""What a run tells: a timeline on standard output, and a few lines for the documents in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.support.waiting import wait_until

PROGRESS_SECONDS = 60.0


class Story:
    """One run, told as it happens. ``home``: where all files of the run are."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.figures: list[str] = []
        self._begin = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begin

    def say(self, what: str) -> None:
        """Tell what happens."""
        print(f"[{datetime.now(tz=UTC):%H:%M:%S} {self.now:7.1f} s] {what}", flush=True)

    def note(self, figure: str) -> None:
        """Tell a figure, which the result will have too."""
        self.figures.append(figure)
        self.say(figure)

    def until(self, when: float, what: str, look: Callable[[], str]) -> None:
        """Wait for a time of this story's clock. ``look`` says now and then how it goes, and fails when it does not."""
        told = self.now

        def is_over() -> bool:
            nonlocal told
            if self.now - told >= PROGRESS_SECONDS and self.now < when:
                told = self.now
                self.say(f"{what}, {when - self.now:.0f} s to go: {look()}")
            return self.now >= when

        wait_until(is_over, what=what, timeout=max(when - self.now, 0) + 60, interval=0.5)

    def result(self, title: str, complaints: list[str]) -> None:
        """Write what was seen to ``result.md``."""
        verdict = "; ".join(complaints) or "nothing lost, nothing twice, nothing left"
        lines = [
            f"**{title}** ({datetime.now(tz=UTC):%Y-%m-%d}): {verdict}.",
            "",
            *(f"- {each}" for each in self.figures),
        ]
        (self.home / "result.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
