"""The spool: what all jobs' logs take of the disk together, and the bound on it.

Each log lies in its attempt directory until the server has it; while the server is away, all of them grow.
Beyond the bound, what the server has is given back to the disk first: that costs nobody anything. Then the
oldest bytes that it does not have are given up, the log of the job that came first before all others, and a
line in that log says how many. Results are never given up, nor is anything else in an attempt directory.

What if it dies here? Each log notes what of it is gone before it is (:mod:`edge_agent.spooled_log`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from edge_agent import last_words
from edge_agent.counts import Counts
from edge_agent.kept import MEGABYTE
from edge_agent.protocol import JobKind, metrics
from edge_agent.protocol.streams import ON_STDERR
from edge_agent.spooled_log import SpooledLog
from edge_agent.status.board import StatusBoard
from edge_agent.status.report import SpoolUse

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0

TIDY_SECONDS = 300.0
"""How long giving logs back to the disk may take at most."""

MOST_BYTES = 2**63 - 1
"""The largest number that is said of a spool without a bound: what a file system can count."""

ROOM_PART = 0.1
"""Of the bound: how much must be free again until the spool is no longer said to be full."""

LEAST_FREE_BYTES = 100 * 1024**2
"""Below this a few logs fill the disk: what the server has is given back to it, whatever the bound."""


def note(kind: JobKind, missing_bytes: int, *, is_woven: bool = False) -> str:
    """Return the line that stands in a log for what is missing, in the form of the lines around it.

    ``is_woven``: the log holds two streams. The line is one of standard error.
    """
    sentence = (
        f"{missing_bytes:,} bytes of this log are missing here: its host could not deliver them, "
        "and had no more room for them (EDGE_AGENT_SPOOL_MEGABYTES)."
    )
    if kind is JobKind.TASK:
        return last_words.line(sentence, level="warning")
    return ON_STDERR * is_woven + f"[... {sentence}]\n"


class Spool:
    """Keeps ``logs`` within ``megabytes``. ``free_bytes``: how much room the disk has besides.

    ``changed`` is told when :attr:`is_full` has changed.
    """

    def __init__(
        self,
        logs: Callable[[], Iterable[SpooledLog]],
        *,
        megabytes: float,
        free_bytes: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
        board: StatusBoard | None = None,
        counts: Counts | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._logs = logs
        self._most_bytes = megabytes * MEGABYTE
        self._free_bytes = free_bytes
        self._changed = changed
        self._counts = counts or Counts()
        self._board = board or StatusBoard()
        self._sleep = sleep
        self.is_full = False
        """Whether what comes now costs bytes that came before."""
        self._cannot_free = False

    async def run(self) -> None:
        """Look at it now and then, for ever."""
        while True:
            self._board.doing("spool", "looking after what logs take of the disk", within_seconds=TIDY_SECONDS)
            await self._sleep(LOOK_SECONDS)
            await self.tidy()

    def use(self) -> SpoolUse:
        """Return what it takes of the disk, for people."""
        logs = list(self._logs())
        return SpoolUse(
            used_bytes=sum(log.disk_bytes() for log in logs),
            most_bytes=int(min(self._most_bytes, MOST_BYTES)),  # a setting may be `inf`
            full=self.is_full,
            undelivered_bytes=sum(log.left_bytes() for log in logs),
        )

    async def tidy(self) -> None:
        """Bring it back within its bound, if it is not."""
        logs = sorted(self._logs(), key=SpooledLog.began)
        excess = self._excess(logs)
        if excess <= 0 and not self._is_disk_nearly_full():
            if self.is_full and excess <= -ROOM_PART * self._most_bytes:
                self.is_full = False
                self._changed()
            return
        for log in logs:
            await self._free(log)
        excess = self._excess(logs)
        for log in logs:
            if excess <= 0 or self._cannot_free:
                break
            if dropped := log.drop(int(excess)):
                excess -= dropped
                self._counts.add(metrics.LOG_GIVEN_UP, by=dropped)
                self._tell()
                await self._free(log)

    def _excess(self, logs: Iterable[SpooledLog]) -> float:
        return sum(log.disk_bytes() for log in logs) - self._most_bytes

    def _is_disk_nearly_full(self) -> bool:
        try:
            return self._free_bytes() < LEAST_FREE_BYTES
        except OSError:
            return False

    async def _free(self, log: SpooledLog) -> None:
        try:
            await asyncio.to_thread(log.free, log.spare())
        except OSError as error:
            if not self._cannot_free:
                logger.warning(
                    "The spool cannot be kept within its bound: the file system takes no part of %s back (%s).",
                    log.path,
                    error.strerror or error,
                    extra={"event": "spool_unbounded"},
                )
            self._cannot_free = True

    def _tell(self) -> None:
        """Say it once for each time that it is full."""
        if not self.is_full:
            logger.warning(
                "The spool is full: logs that could not be delivered take %.0f MB. The oldest of them go, until they "
                "can be, and a line in each says so. EDGE_AGENT_SPOOL_MEGABYTES is the bound.",
                self._most_bytes / MEGABYTE,
                extra={"event": "spool_full"},
            )
            self.is_full = True
            self._changed()
