"""Attempt directories of failed jobs, kept for somebody who wants to look: for so long, and not more than so much.

What if it dies here? A directory moves here in one step, after the server has taken the end of its job. One that
did not move is found by the next start, reported again, and moved then.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edge_agent.attempt_dir import AttemptDir
from edge_agent.fresh_token import FreshToken
from edge_agent.status.board import StatusBoard

if TYPE_CHECKING:
    from edge_agent.settings import AgentSettings

logger = logging.getLogger(__name__)

PURGE_SECONDS = 600.0

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class _Kept:
    path: Path
    since: float
    size: int


class KeptAttempts:
    """What is kept below ``path``. ``hours``: for how long, 0 keeps nothing. ``megabytes``: how much in all."""

    def __init__(
        self,
        path: Path,
        *,
        hours: float,
        megabytes: float,
        clock: Callable[[], float] = time.time,
        board: StatusBoard | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._hours = hours
        self._megabytes = megabytes
        self._clock = clock
        self._board = board or StatusBoard()
        self._sleep = sleep

    @classmethod
    def of(cls, settings: AgentSettings, path: Path, board: StatusBoard) -> Self:
        """Keep what an agent is set to keep."""
        return cls(path, hours=settings.keep_failed_hours, megabytes=settings.keep_failed_megabytes, board=board)

    def dispose(self, attempt: AttemptDir, *, failed: bool) -> None:
        """Remove an attempt that nobody needs any more, or keep it because it failed.

        :raises OSError: when it can neither be kept nor taken out of sight.
        """
        if not (failed and self._hours):
            attempt.remove()
            return
        try:
            attempt.forget_payload()
            FreshToken(attempt).forget()
            self._path.mkdir(mode=0o700, exist_ok=True)
            attempt.path.rename(self._path / attempt.path.name)
        except OSError as error:
            logger.warning("Could not keep %s: %s", attempt.path, error, extra={"event": "attempt_not_kept"})
            attempt.remove()
        else:
            self.purge()

    async def run(self) -> None:
        """Purge now and then, for ever."""
        while True:
            self._board.doing("kept", "removing kept attempts that are too old or too much")
            await asyncio.to_thread(self.purge)
            self._board.doing("kept", "waiting", within_seconds=PURGE_SECONDS)
            await self._sleep(PURGE_SECONDS)

    def purge(self) -> None:
        """Remove what is too old, then the oldest of what is too much."""
        room = self._megabytes * MEGABYTE
        oldest = self._clock() - self._hours * 3600
        for kept in sorted(self._all(), key=lambda each: each.since, reverse=True):
            room -= kept.size
            if kept.since < oldest or room < 0:
                shutil.rmtree(kept.path, ignore_errors=True)
                if kept.path.exists():
                    logger.warning("Could not remove %s.", kept.path, extra={"event": "kept_not_removed"})

    def _all(self) -> Iterator[_Kept]:
        if not self._path.exists():
            return
        for path in self._path.iterdir():
            try:
                size = sum(file.lstat().st_blocks * 512 for file in path.rglob("*"))
                yield _Kept(path, path.stat().st_mtime, size)
            except FileNotFoundError:
                continue  # removed by hand at this moment
