"""A queue in words: answers what a follower asks, at a time that passes only when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from airflow_plugin.commands.answers import LogBytes
from airflow_plugin.commands.course import Course, Entry
from airflow_plugin.commands.errors import Conflict, QueueApiError
from airflow_plugin.commands.following import Follower
from airflow_plugin.commands.questions import Ending, Pausing, Question, ReadingLog, Submitting, Watching
from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView, News, Seen, Submitted
from tests.unit.plugin.commands.views import view


class ToldCommand:
    """One command: what it has said, and how it stands."""

    def __init__(self, name: str) -> None:
        self.id = uuid4()
        self.name = name
        self.log = b""
        self.state = JobState.RUNNING
        self.exit_code: int | None = None
        self.read_offset = 0
        self.cut_bytes = 0

    def end(self, exit_code: int = 0) -> None:
        self.state = JobState.FAILED if exit_code else JobState.SUCCEEDED
        self.exit_code = exit_code

    def view(self) -> CommandView:
        reason = EndReason.EXIT if self.exit_code is not None else None
        if self.state is JobState.CANCELLED:
            reason = EndReason.CANCELLED
        return view(
            id=self.id,
            name=self.name,
            state=self.state,
            reason=reason,
            exit_code=self.exit_code,
            log_bytes=len(self.log) + self.cut_bytes,
            read_offset=self.read_offset,
        )


class Told:
    """Is a queue, a clock and a teller. ``events``: what happens when, as ``(seconds, what)``."""

    def __init__(self, *events: tuple[float, Callable[[], Any]]) -> None:
        self.now = 100.0
        self.events = sorted((100.0 + when, number, what) for number, (when, what) in enumerate(events))
        self.commands: dict[UUID, ToldCommand] = {}
        self.said: list[str] = []
        self.asked: list[Question] = []
        self.refusals: list[QueueApiError] = []
        self.told: list[str] = []
        self.slow_until = 0.0
        """Until then nobody hears of news."""

    # -- the clock

    def clock(self) -> float:
        return self.now

    def _pass(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + seconds
        while not until() and self.events and self.events[0][0] <= end:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                self.events.pop(0)[2]()
        if not until():
            self.now = end

    # -- the teller

    def lines(self, entry: Entry, lines: list[str]) -> None:
        self.said += [f"{entry.name}: {line}" for line in lines]

    def submitted(self, course: Course) -> None:
        self.told.append(f"submitted {len(course.submitted)}")

    def waits(self, entry: Entry, why: str) -> None:
        self.told.append(f"{entry.name} waits: {why}")

    # -- the queue

    def add(self, name: str = "1") -> ToldCommand:
        command = ToldCommand(name)
        self.commands[command.id] = command
        return command

    def named(self, name: str) -> ToldCommand:
        return next(each for each in self.commands.values() if each.name == name)

    def say(self, name: str, text: str) -> None:
        self.named(name).log += text.encode()

    def follow(self, course: Course, **values: Any) -> Follower:
        """Follow until it is over or left; return the follower."""
        follower = Follower(course, self, clock=self.clock, **values)
        asking = follower.follow()
        try:
            question = next(asking)
            while True:
                self.asked.append(question)
                assert len(self.asked) < 2000, "it asks for ever"
                try:
                    answer = self.answer(question)
                except QueueApiError as error:
                    question = asking.throw(error)
                else:
                    question = asking.send(answer)
        except StopIteration:
            return follower

    def answer(self, question: Question) -> Any:
        match question:
            case Submitting(submit):
                if self.refusals:
                    raise self.refusals.pop(0)
                command = self.add(submit.name)
                return Submitted(command=command.view(), attached=False)
            case Watching(commands, seconds):
                return self._watch(commands, seconds)
            case ReadingLog(job_id, offset, limit):
                command = self.commands[job_id]
                end = min(len(command.log), offset + limit)
                return LogBytes(command.log[offset:end], end, command.state.is_terminal and end == len(command.log))
            case Ending(job_id):
                self.commands[job_id].state = JobState.CANCELLED
                return self.commands[job_id].view()
            case Pausing(seconds):
                return self._pass(seconds)

    def _watch(self, commands: tuple[Seen, ...], seconds: float) -> News:
        if self.now + seconds < self.slow_until:
            self._pass(seconds)
            return News()
        for seen in commands:
            if seen.id in self.commands:
                command = self.commands[seen.id]
                command.read_offset = max(command.read_offset, seen.read_offset or 0)
        self._pass(seconds, lambda: bool(self._news(commands)))
        unknown = tuple(seen.id for seen in commands if seen.id not in self.commands)
        return News(commands=tuple(each.view() for each in self._news(commands)), unknown=unknown)

    def _news(self, commands: tuple[Seen, ...]) -> list[ToldCommand]:
        known = [(seen, self.commands[seen.id]) for seen in commands if seen.id in self.commands]
        return [
            command
            for seen, command in known
            if command.state is not seen.state
            or (seen.log_bytes is not None and len(command.log) + command.cut_bytes != seen.log_bytes)
        ]


def busy(message: str = "an earlier one runs") -> Conflict:
    """Return the refusal for an earlier try's command that has not ended."""
    return Conflict(message, state=JobState.RUNNING)
