"""The logs of tasks that do not pass the queue: they go to the host's own log store, or stay on the host.

Then what passes is the agent's own words about such a log, in ``said.log`` of the attempt directory: where the
log is, and what became of it.

====================  =========================================================================================
``task_logs``         the log
====================  =========================================================================================
``push``              passes the queue while it is written; not this module's business
``store``             is written by Airflow's supervisor to the remote log store of this host's own Airflow
                      configuration, when the task has ended. What the store did not take, as it was away or the
                      supervisor was killed, is moved to ``late_logs`` and tried again
``off``               is written to ``task_logs`` of the state directory
====================  =========================================================================================

Both folders are laid out like any log folder of Airflow's, and purged: so many days, so many megabytes.

What if it dies here? An attempt has noted where its log goes before it starts. A log that was not moved yet is
found with its attempt by the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from edge_agent import last_words
from edge_agent.attempt_dir import AttemptDir
from edge_agent.endings import Verdict
from edge_agent.errors import CannotStart
from edge_agent.kept import MEGABYTE
from edge_agent.progress import Progress
from edge_agent.protocol import EndReason, JobKind
from edge_agent.status.board import StatusBoard

if TYPE_CHECKING:  # a task's process reads this, and needs no settings of the agent
    from edge_agent.settings import AgentSettings

logger = logging.getLogger(__name__)

Where = Literal["push", "store", "off"]

LOOK_SECONDS = 5.0
"""How often it is looked for logs that wait for the store."""

AGAIN_SECONDS = 60.0
MOST_PAUSE_SECONDS = 900.0
"""How soon a store that did not take them is tried again, and at the latest."""

PURGE_SECONDS = 600.0

ATTEMPT_SECONDS = 600.0
"""How long one attempt at all of them may take."""

SPARED_SECONDS = 3600.0
"""A log that was written to within this time is not purged: its task may still run."""

STORES = "{agent} writes this log to the log store of its site when the task has ended."
STAYS = "This log stays on its host: {agent}, {path}. It is kept there for {days:g} days."
LATE = (
    "The log store did not take this log. {agent} keeps it and tries again, for {days:g} days; what is missing then "
    "was in {path}."
)


class TaskLogs:
    """What an agent does with them.

    ``state``: the state directory. ``environment``: returns that of tasks, with which the store is found; raises
    :class:`CannotStart` while it is not known.
    """

    def __init__(
        self,
        state: Path,
        *,
        agent: str,
        where: Where,
        days: float,
        megabytes: float,
        environment: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.time,
        board: StatusBoard | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.staying = state / "task_logs"
        self.late = state / "late_logs"
        self._said_by = state / "task_host.log"
        self._agent = agent
        self._where = where
        self._days = days
        self._megabytes = megabytes
        self._environment = environment
        self._clock = clock
        self._board = board or StatusBoard()
        self._sleep = sleep

    @classmethod
    def of(
        cls, settings: AgentSettings, state: Path, environment: Callable[[], Mapping[str, str]], board: StatusBoard
    ) -> Self:
        """Do with them what an agent is set to."""
        return cls(
            state,
            agent=settings.name,
            where=settings.task_logs,
            days=settings.task_log_days,
            megabytes=settings.task_log_megabytes,
            environment=environment,
            board=board,
        )

    def decide(self, kind: JobKind, log: str) -> dict[str, Any]:
        """Return what an attempt is to note. ``log``: where its log would be, relative to its directory.

        :raises OSError: when there is no room for its log.
        """
        if kind is not JobKind.TASK or self._where == "push":
            return {"log": log}
        if self._where == "store":
            return {"log": log, "kept": "store"}
        _, _, relative = log.partition("/")
        if not relative:  # it has none of its own; what its process says goes with the attempt
            return {"log": log, "kept": "host"}
        self.staying.mkdir(mode=0o700, exist_ok=True)
        return {"log": str(self.staying / relative), "log_folder": str(self.staying), "kept": "host"}

    def passing(self, attempt: AttemptDir, progress: Progress) -> Path:
        """Return the file that passes the queue."""
        if progress.kept is None:
            return attempt.path / progress.log
        if not attempt.said.exists():
            says = STORES if progress.kept == "store" else STAYS
            self._say(attempt, says, attempt.path / progress.log, level="info")
        return attempt.said

    def explain(self, attempt: AttemptDir, progress: Progress, verdict: Verdict) -> None:
        """Tell the reader of a task's log what the log cannot say, as its supervisor is dead.

        :raises OSError: when that cannot be written.
        """
        message = verdict.message or ""
        log = attempt.path / progress.log
        if progress.kept is None or (attempt.claimed() == "started" and not attempt.stored.exists()):
            last_words.add_to(log, message, output=attempt.output)
        # Of any other end the server says the reason itself. What the process said last is not ours to tell.
        if progress.kept is not None and verdict.reason is EndReason.EXIT:
            last_words.append(attempt.said, message, level="error")

    def settle(self, attempt: AttemptDir, progress: Progress) -> None:
        """Take a log that the store did not take out of an attempt that has ended."""
        log = attempt.path / progress.log
        if progress.kept != "store" or log == attempt.output or attempt.stored.exists() or not _has_something(log):
            return
        target = self.late / log.relative_to(attempt.log_folder)
        try:
            self.late.mkdir(mode=0o700, exist_ok=True)
            self._say(attempt, LATE, target, level="warning")
            _move(log, target)
        except OSError as error:
            logger.warning("Could not keep %s for the log store: %s", log, error, extra={"event": "log_not_kept"})

    async def run(self) -> None:
        """Try late logs again and purge, for ever."""
        again, purged = AGAIN_SECONDS, -PURGE_SECONDS
        while True:
            self._board.doing("task logs", "looking after them", within_seconds=ATTEMPT_SECONDS + MOST_PAUSE_SECONDS)
            if self._clock() - purged >= PURGE_SECONDS:
                await asyncio.to_thread(self.purge)
                purged = self._clock()
            if await self._is_refused():
                await self._sleep(again)
                again = min(2 * again, MOST_PAUSE_SECONDS)
            else:
                again = AGAIN_SECONDS
                await self._sleep(LOOK_SECONDS)

    def purge(self) -> None:
        """Remove what is too old, then the oldest of what is too much."""
        room = self._megabytes * MEGABYTE
        oldest, spared = self._clock() - self._days * 86_400, self._clock() - SPARED_SECONDS
        for written, size, path in sorted(self._all(), reverse=True):
            room -= size
            if written < oldest or (room < 0 and written < spared):
                self._remove(path)

    def _remove(self, path: Path) -> None:
        if self.late in path.parents:
            logger.warning("%s never reached the log store; it goes.", path, extra={"event": "late_log_lost"})
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # this host's trouble, and no end of its agent
            logger.warning("Could not remove %s: %s.", path, error.strerror, extra={"event": "task_log_not_removed"})
        _remove_empty(path.parent, {self.staying, self.late})

    async def _is_refused(self) -> bool:
        """Try the logs that wait for the store; return whether there were some and it did not take them all."""
        if self._where != "store" or not any(_files(self.late)):
            return False
        try:
            environment = self._environment()
        except CannotStart:
            return False
        try:
            are_taken = await self._take(environment)
        except OSError as error:  # no room, or no process to be had: this host's trouble, and no end of its agent
            are_taken = False
            logger.warning("Logs of tasks cannot be taken to the store now: %s", error, extra={"event": "logs_late"})
        if not are_taken:
            left = await asyncio.to_thread(lambda: sum(1 for _ in _files(self.late)))
            logger.warning(
                "%d logs of tasks wait for the log store, in %s. Why, says the end of %s.",
                *(left, self.late, self._said_by),
                extra={"event": "logs_late"},
            )
        return not are_taken

    async def _take(self, environment: Mapping[str, str]) -> bool:
        """Take them to the store, by a process of its own: it imports Airflow. Return whether all were taken."""
        with self._said_by.open("ab") as said:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "edge_agent.task_host.late_logs", str(self.late)),
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await process.wait() == 0
        except TimeoutError:  # a store that holds the line takes nothing
            return False
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _say(self, attempt: AttemptDir, sentence: str, path: Path, *, level: str) -> None:
        words = sentence.format(agent=self._agent, path=path, days=self._days)
        try:
            last_words.append(attempt.said, words, level=level)
        except OSError as error:  # the task and its log are worth more than words about them
            logger.warning("Could not write %s: %s.", attempt.said, error.strerror, extra={"event": "log_unwritten"})

    def _all(self) -> Iterator[tuple[float, int, Path]]:
        for folder in (self.staying, self.late):
            for path in _files(folder):
                try:
                    seen = path.stat()
                except OSError:
                    continue
                yield seen.st_mtime, seen.st_blocks * 512, path


def _files(folder: Path) -> Iterator[Path]:
    # Not rglob, which fails when a directory goes that it was about to look into.
    found = (Path(where) / name for where, _, names in os.walk(folder) for name in names)
    return (path for path in found if path.is_file())


def _has_something(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except FileNotFoundError:
        return False


def _move(log: Path, target: Path) -> None:
    """Move a log behind what another attempt of the same try has left there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        log.rename(target)
        return
    with log.open("rb") as source, target.open("ab") as sink:
        while block := source.read(MEGABYTE):
            sink.write(block)
    log.unlink()


def _remove_empty(folder: Path, roots: set[Path]) -> None:
    while folder not in roots:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
