"""What became of one run that met a fault: computed from what was seen, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.bench.faults.work import Entry

STILL_SECONDS = 3.0
"""Work that writes nothing for so long has stopped: six lines are missing then."""


@dataclass(frozen=True)
class Change:
    """Something that looked different than the time before. ``at``: seconds since the epoch, when it was seen.

    ``subject`` is ``task``, ``job``, ``host``, ``worker`` (its process, an agent's too) or ``api-server``.
    """

    at: float
    subject: str
    value: str


@dataclass(frozen=True)
class Story:
    """One run. ``struck_at``, ``fresh_at``: seconds since the epoch.

    ``fault`` is its key, ``what`` says which run it is where one fault meets several.
    ``state``, ``tries`` and ``delivered`` are Airflow's: how the task ended, with which try, and how many lines of all
    tries can be read in its log. ``fresh_at`` is when a task that was queued as the fault struck began, if there was
    one.
    """

    fault: str
    what: str
    system: str
    struck_at: float
    ledger: Sequence[Entry]
    state: str
    tries: int
    delivered: int
    fresh_at: float | None = None
    changes: Sequence[Change] = field(default_factory=list)

    @property
    def starts(self) -> list[Entry]:
        """Every start of the task."""
        return [entry for entry in self.ledger if entry.event == "start"]

    @property
    def written(self) -> int:
        """How many lines all tries have written to their logs."""
        return sum(entry.event == "line" for entry in self.ledger)

    @property
    def stopped_after(self) -> float | None:
        """Seconds from the fault until the work stood still, 0 if it was so by then; None: it never was."""
        gap = self._gap()
        return None if gap is None else max(0.0, gap[0] - self.struck_at)

    @property
    def was_done(self) -> bool:
        """Whether the work had come to its end before it stood still."""
        gap = self._gap()
        return gap is not None and any(entry.event == "end" and entry.at == gap[0] for entry in self.ledger)

    @property
    def goes_on_after(self) -> float | None:
        """Seconds from the fault until the work went on after it had stood still; None: it never did either."""
        gap = self._gap()
        return None if gap is None or gap[1] is None else gap[1] - self.struck_at

    @property
    def ended_after(self) -> float | None:
        """Seconds from the fault until Airflow knew the end; None while it does not."""
        ends = [change.at for change in self.changes if change.subject == "task" and change.value.startswith(_ENDS)]
        return ends[-1] - self.struck_at if ends else None

    @property
    def noticed_after(self) -> float | None:
        """Seconds from the fault until the server knew that the host was gone; None: it never did."""
        gone = [change.at for change in self.changes if change.subject == "host" and change.value in GONE]
        return next((at - self.struck_at for at in gone if at >= self.struck_at), None)

    @property
    def fresh_after(self) -> float | None:
        """Seconds from the fault until the host began another task; None: it was not asked to."""
        return None if self.fresh_at is None else self.fresh_at - self.struck_at

    @property
    def lost_seconds(self) -> float:
        """Seconds of work that were for nothing: all but the last try's."""
        last = max((entry.try_number for entry in self.ledger), default=0)
        return sum(end - begin for number, begin, end in self.spans() if number != last)

    @property
    def overlap_seconds(self) -> float:
        """Seconds in which two tries ran side by side."""
        return sum(max(0.0, first[2] - second[1]) for first, second in pairwise(self.spans()))

    def spans(self) -> list[tuple[int, float, float]]:
        """Return number, first and last sign of life of each process that ran the task."""
        by_process: dict[tuple[int, int], list[float]] = {}
        for entry in self.ledger:
            by_process.setdefault((entry.try_number, entry.pid), []).append(entry.at)
        return [(key[0], times[0], times[-1]) for key, times in by_process.items()]

    def _gap(self) -> tuple[float, float | None] | None:
        """Return begin and end of the longest time without a sign of life that was not over before the fault.

        Its end is None when work stopped for good.
        """
        if self.ledger and self.ledger[-1].event != "end":
            return self.ledger[-1].at, None
        times = [entry.at for entry in self.ledger]
        if times and self.struck_at < times[0]:
            times = [self.struck_at, *times]
        gaps = [(early, late) for early, late in pairwise(times) if late > self.struck_at]
        longest = max(gaps, key=lambda gap: gap[1] - gap[0], default=(0.0, 0.0))
        return longest if longest[1] - longest[0] >= STILL_SECONDS else None


GONE = ("unknown", "lost", "offline")
"""How edge3 and this project call a host that is not there, and both one that has said goodbye."""
_ENDS = ("success", "failed")
