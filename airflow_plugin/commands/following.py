"""Follows commands to their end: submits each when it is its turn, hands on their lines, ends those nobody wants.

The same on a worker and in a triggerer (``questions.py``). Where it was is in the :class:`Course` at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from airflow_plugin.commands.answers import LogBytes
from airflow_plugin.commands.course import Course, Entry
from airflow_plugin.commands.errors import Conflict
from airflow_plugin.commands.lines import LogLines
from airflow_plugin.commands.outcome import CommandGone, gone
from airflow_plugin.commands.questions import Asking, Ending, Pausing, ReadingLog, Submitting, Watching
from edge_agent.protocol.commands import MAX_WATCHED, News, Seen, Submitted
from edge_agent.protocol.streams import Streams

WATCH_SECONDS = 25.0
LOG_BYTES = 1_048_576
SETTLED_SECONDS = 3.0
"""After this a line is in the log it was handed to, whatever is killed: Airflow writes it in another process."""

EARLIER_SECONDS = 900.0
"""How long the end of an earlier try's command is waited for."""

EARLIER_INTERVAL = 1.0
LATE_LOG_SECONDS = 15.0
"""How long the rest of an ended command's log is waited for, if it is still on its way."""

LATE_LOG_INTERVAL = 0.5
ALLOWANCE_INTERVAL = 0.5
"""How long after a piece of a log the next may be handed on, where that is not without limits."""

CROWD_SECONDS = 1.0
"""How long news of some is waited for where there are more commands than one request can ask for."""


class Teller(Protocol):
    """Is told what happens."""

    def lines(self, entry: Entry, lines: list[str]) -> None:
        """A command has written lines, which came together."""

    def submitted(self, course: Course) -> None:
        """One more command has an id."""

    def waits(self, entry: Entry, why: str) -> None:
        """A command cannot be submitted yet."""


class Unlimited:
    """Any number of bytes of a log at any time."""

    def allowed(self, now: float) -> int:
        """Return how many bytes of a log may be handed on now."""
        return LOG_BYTES

    def spend(self, size: int, seconds: float) -> None:
        """Note what was handed on at once, and how long that took."""


class Allowance(Protocol):
    """Says how much of a log may be handed on."""

    def allowed(self, now: float) -> int:
        """Return how many bytes of a log may be handed on now; 0: none, ask again in a second."""

    def spend(self, size: int, seconds: float) -> None:
        """Note what was handed on at once, and how long that took."""


@dataclass
class Follower:
    """Follows a course. What it knows beside it is lost without loss: the readers of logs, and when who was told what.

    ``seconds``: how long, None to the end; at least once. ``leaves_the_end``: what comes of the log with the end of
    all is left to whoever goes on. ``most_behind``: when more bytes than this wait to be handed on, it is left as
    well, but not within ``behind_after`` seconds.
    """

    course: Course
    teller: Teller
    seconds: float | None = None
    leaves_the_end: bool = False
    most_behind: int | None = None
    behind_after: float = 30.0
    allowance: Allowance = field(default_factory=Unlimited)
    clock: Callable[[], float] = time.monotonic
    streams: dict[UUID, Streams] = field(default_factory=dict)
    _lines: dict[UUID, LogLines] = field(default_factory=dict)
    _over: set[UUID] = field(default_factory=set)
    _acknowledged: dict[UUID, int] = field(default_factory=dict)
    _known: set[UUID] = field(default_factory=set)
    _dry: dict[UUID, int] = field(default_factory=dict)

    def follow(self) -> Asking[None]:
        """Follow until all is over, or it is left."""
        begun = self.clock()
        until = begun + self.seconds if self.seconds is not None else float("inf")
        while True:
            yield from self._submit(until)
            for entry in self.course.to_end():
                yield from self._end(entry)
            if not self._has_work():
                return
            yield from self._watch(until)
            if self._is_left(begun):
                return
            for entry in self._known_entries():
                yield from self._hand_on(entry)
            if self.clock() >= until:
                return

    def submit(self) -> Asking[None]:
        """Only submit what can be now."""
        yield from self._submit(float("inf"))

    def last_said(self) -> float | None:
        """Return when the last line was handed on that is not settled; None when all are."""
        times = [when for lines in self._lines.values() if (when := lines.last_said) is not None]
        return max(times, default=None)

    def _has_work(self) -> bool:
        """Whether a command is open, is to be submitted, or has lines that are to be handed on."""
        unread = [each for each in self.course.submitted if each.job_id not in self._over]
        return not self.course.is_over or (bool(unread) and not self.leaves_the_end)

    def _is_left(self, begun: float) -> bool:
        if self.course.is_over and self.leaves_the_end:
            return True
        is_early = self.clock() < begun + self.behind_after
        return self.most_behind is not None and not is_early and self._behind() > self.most_behind

    def _behind(self) -> int:
        return sum(max(0, each.log_bytes - self._arrived(each)) for each in self._known_entries())

    def _known_entries(self) -> list[Entry]:
        """Return the commands of which there was news: how far the others were read before us is not known yet."""
        return [each for each in self.course.submitted if each.job_id in self._known]

    # -- submitting and ending

    def _submit(self, until: float) -> Asking[None]:
        for entry in self.course.to_submit():
            yield from self._submit_one(entry, until)
            if entry.job_id is None:
                return
            self.teller.submitted(self.course)

    def _submit_one(self, entry: Entry, until: float) -> Asking[None]:
        """Submit a command; where an earlier try's has not ended yet, wait for that."""
        assert entry.submit is not None  # noqa: S101  it was not submitted yet
        submit, patient_until, is_told = entry.submit, self.clock() + EARLIER_SECONDS, False
        while True:
            try:
                answer: Submitted = yield Submitting(submit)
            except Conflict as conflict:
                is_another = conflict.state is not None and not conflict.state.is_terminal
                if not is_another or self.clock() >= patient_until:
                    raise
                if not is_told:
                    self.teller.waits(entry, str(conflict))
                    is_told = True
            else:
                entry.take(answer.command)
                self._note(answer.command.id, answer.command.streams)
                return
            if self.clock() >= until:
                return
            yield Pausing(EARLIER_INTERVAL)

    def _end(self, entry: Entry) -> Asking[None]:
        assert entry.job_id is not None  # noqa: S101  it is open
        entry.take((yield Ending(entry.job_id, "Another command of its task failed.")))

    # -- watching

    def _watch(self, until: float) -> Asking[None]:
        seen, patience = self._seen(), self._patience(until)
        if not seen:
            yield Pausing(patience)
        for start in range(0, len(seen), MAX_WATCHED):
            few = seen[start : start + MAX_WATCHED]
            wait = patience if len(seen) <= MAX_WATCHED else min(patience, CROWD_SECONDS)
            news: News = yield Watching(tuple(few), wait)
            self._take(news, few)

    def _patience(self, until: float) -> float:
        """Return how long to wait for news."""
        now = self.clock()
        unsettled = (lines.unsettled_since for lines in self._lines.values())
        ends = [now + WATCH_SECONDS, until, *(since + SETTLED_SECONDS for since in unsettled if since is not None)]
        is_unread = any(each.has_ended and each.job_id not in self._over for each in self._known_entries())
        if is_unread or self._behind() > 0:
            is_allowed = self.allowance.allowed(now)
            ends.append(now if is_unread and is_allowed == LOG_BYTES else now + ALLOWANCE_INTERVAL)
        return max(0.0, min(ends) - now)

    def _seen(self) -> list[Seen]:
        seen = []
        for entry in self.course.submitted:
            assert entry.job_id is not None  # noqa: S101  it was submitted
            settled = self._reader(entry).settled(self.clock() - SETTLED_SECONDS)
            if entry.is_open or self._acknowledged.get(entry.job_id) != settled or entry.job_id not in self._known:
                is_known = entry.job_id in self._known
                state = entry.state if is_known else None
                seen.append(Seen(id=entry.job_id, state=state, log_bytes=entry.log_bytes, read_offset=settled or None))
        return seen

    def _take(self, news: News, asked: list[Seen]) -> None:
        if news.unknown:
            raise CommandGone(gone(news.unknown))
        by_id = {each.job_id: each for each in self.course.submitted}
        for view in news.commands:
            by_id[view.id].take(view)
            self._note(view.id, view.streams)
        for each in asked:
            self._acknowledged[each.id] = each.read_offset or 0

    def _note(self, job_id: UUID, streams: Streams) -> None:
        self._known.add(job_id)
        self.streams[job_id] = streams

    # -- logs

    def _reader(self, entry: Entry) -> LogLines:
        assert entry.job_id is not None  # noqa: S101  it was submitted
        if entry.job_id not in self._lines:
            streams = self.streams.get(entry.job_id, Streams.TOGETHER)
            lines = LogLines(entry.offset, streams)
            if entry.job_id not in self._known:
                return lines  # what its watcher before us has handed on is only known with the first news
            self._lines[entry.job_id] = lines
        return self._lines[entry.job_id]

    def _arrived(self, entry: Entry) -> int:
        """Return up to where there is nothing more to read: a log that was cut is shorter than what was written."""
        assert entry.job_id is not None  # noqa: S101  it was submitted
        return max(self._reader(entry).position, self._dry.get(entry.job_id, 0))

    def _hand_on(self, entry: Entry) -> Asking[None]:
        """Hand on what has arrived of a log, to its end where the command has ended."""
        assert entry.job_id is not None  # noqa: S101  it was submitted
        lines, late_until = self._reader(entry), self.clock() + LATE_LOG_SECONDS
        while entry.job_id not in self._over and (entry.has_ended or entry.log_bytes > self._arrived(entry)):
            limit = self.allowance.allowed(self.clock())
            if not limit:
                return
            piece: LogBytes = yield ReadingLog(entry.job_id, lines.position, limit)
            self._tell(entry, lines.feed(piece.content, piece.next_offset), len(piece.content))
            if piece.is_over or (entry.has_ended and not piece.content and self.clock() >= late_until):
                self._tell(entry, lines.finish(), 0)
                self._over.add(entry.job_id)
            elif not piece.content:
                self._dry[entry.job_id] = entry.log_bytes
                if not entry.has_ended:
                    return
                yield Pausing(LATE_LOG_INTERVAL)
            elif limit < LOG_BYTES:
                return  # there may be news: an end, whose log a worker hands on

    def _tell(self, entry: Entry, lines: Iterator[str], size: int) -> None:
        assert entry.job_id is not None  # noqa: S101  it was submitted
        begun = self.clock()
        if told := [*lines]:
            self.teller.lines(entry, told)
            self.allowance.spend(size, self.clock() - begun)
        reader = self._lines[entry.job_id]
        entry.offset = reader.offset
        reader.note(self.clock())
