"""The tasks of a long proof, and what must be true of each in the end, Airflow's REST API being the judge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.support.airflow_rest import DagRun
from tests.support.waiting import NeverHappenedError, wait_until

LOG_SECONDS = 60.0
"""How long the last lines of a log may take: a task's state is known before they are."""

_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True)
class Work:
    """A task that counts ``before`` lines, one a second, and perhaps defers for ``away`` seconds and counts on."""

    name: str
    runner: str
    before: int
    away: float | None = None
    after: int = 0

    @property
    def lines(self) -> int:
        """How many lines its log has in the end."""
        return self.before + self.after

    @property
    def starts(self) -> int:
        """How many processes it takes: a deferral ends one, and needs a second."""
        return 1 if self.away is None else 2

    def params(self) -> dict[str, Any]:
        """Return the parameters of its run."""
        return {"name": self.name, "before": self.before, "away": self.away, "after": self.after}


@dataclass(frozen=True)
class Seen:
    """What was seen of a task in the end. ``numbers``: those of the lines in its log, in their order."""

    state: str
    try_number: int
    returned: int | None
    starts: int
    ends: int
    numbers: Sequence[int]

    def complaints(self, work: Work) -> list[str]:
        """Return what must not be, in words; nothing when it went as it should."""
        return [f"{work.name}: {each}" for each in self._complaints(work)]

    def _complaints(self, work: Work) -> Iterator[str]:
        if (self.state, self.try_number) != ("success", 1):
            yield f"it is {self.state} at try {self.try_number}, not success at try 1"
        elif self.returned != work.lines:
            yield f"it returned {self.returned}, not {work.lines}"
        if (self.starts, self.ends) != (work.starts, work.starts):
            yield f"the ledger has {self.starts} starts and {self.ends} ends of it, not {work.starts} of each"
        yield from wrong_lines(self.numbers, work.lines)


@dataclass(frozen=True)
class Started:
    """Work that was begun, and the run it is."""

    work: Work
    run: DagRun

    @property
    def name(self) -> str:
        """The name of the work."""
        return self.work.name

    def numbers(self) -> list[int]:
        """Return the numbers of the lines in its log, as they stand there."""
        lines = (_LINE.fullmatch(line) for line in self.run.log("count").splitlines())
        return [int(line[1]) for line in lines if line]

    def seen(self, starts: int, ends: int) -> Seen:
        """Return what is to be seen of it once its run has ended; the ledger is the caller's."""
        task = self.run.task("count")
        with suppress(NeverHappenedError):  # what is missing is complained of
            wait_until(
                self.numbers,
                until=lambda numbers: len(set(numbers)) >= self.work.lines,
                what="the log is complete",
                timeout=LOG_SECONDS,
                interval=1,
            )
        returned = self.run.xcom("count") if task["state"] == "success" else None
        return Seen(task["state"], task["try_number"], returned, starts, ends, self.numbers())


def wrong_lines(numbers: Sequence[int], lines: int) -> Iterator[str]:
    """Give what is wrong with a log that should count from 0 to ``lines``, in words."""
    counted = Counter(numbers)
    kinds = {
        "missing": [number for number in range(lines) if number not in counted],
        "doubled": [number for number, times in counted.items() if times > 1],
        "unknown": [number for number in counted if number >= lines],
    }
    for kind, which in kinds.items():
        if which:
            yield f"{len(which)} lines of its log are {kind}, such as line {which[0]}"
    if list(numbers) != sorted(numbers):
        yield "the lines of its log are not in order"
