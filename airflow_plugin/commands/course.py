"""The way of a task's commands, and where each of them is: what is to be submitted and ended next.

It travels as JSON with the task from worker to triggerer and back, and asks nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from airflow_plugin.commands.outcome import Rules, Verdict
from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView, Submit


class Order(StrEnum):
    """How the commands of a task follow each other."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"


@dataclass(frozen=True)
class Ended:
    """A command of a task that is through. ``view`` None: it did not run, because one before it failed."""

    name: str
    view: CommandView | None


class Entry(BaseModel):
    """One command on its way.

    ``submit``: what is asked for, until it was; what may be secret in it travels no further. ``offset``: up to where
    its log was handed on, which is always the end of a line. ``log_bytes``: how much of its log has arrived.
    """

    name: str
    submit: Submit | None = None
    job_id: UUID | None = None
    offset: int = 0
    log_bytes: int = 0
    state: JobState | None = None
    reason: EndReason | None = None
    exit_code: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state is not None and self.state.is_terminal

    @property
    def is_open(self) -> bool:
        """Whether it was submitted and has not ended."""
        return self.job_id is not None and not self.has_ended

    def take(self, view: CommandView) -> None:
        """Note where it is. Whoever watched it before may have handed on more of its log than we know."""
        self.job_id, self.submit = view.id, None
        self.offset = max(self.offset, view.read_offset)
        self.state, self.reason, self.exit_code = view.state, view.reason, view.exit_code
        self.log_bytes = view.log_bytes


class Course(BaseModel):
    """All commands of a task, in the order they are written.

    ``stops``: after the first that does not succeed no other begins, and those beside it are ended. ``is_list``: they
    were written as several, even if it is only one.
    """

    entries: list[Entry]
    order: Order = Order.SEQUENTIAL
    stops: bool = True
    rules: Rules = Rules()
    is_list: bool = False

    @classmethod
    def of(cls, submits: Iterable[Submit], order: Order, *, stops: bool, rules: Rules, is_list: bool = False) -> Self:
        """Return the way of commands of which none was submitted."""
        entries = [Entry(name=each.name, submit=each) for each in submits]
        return cls(entries=entries, order=order, stops=stops, rules=rules, is_list=is_list)

    @property
    def submitted(self) -> list[Entry]:
        """Those that the queue knows."""
        return [each for each in self.entries if each.job_id is not None]

    @property
    def job_ids(self) -> list[UUID]:
        """The ids of those that the queue knows, in the order they are written."""
        return [each.job_id for each in self.entries if each.job_id is not None]

    @property
    def is_over(self) -> bool:
        """Whether nothing is open, and nothing is to be submitted."""
        return not self.to_submit() and not any(each.is_open for each in self.entries)

    def to_submit(self) -> Sequence[Entry]:
        """Return those whose turn it is."""
        waiting = [each for each in self.entries if each.job_id is None]
        if self._has_stopped():
            return ()
        if self.order is Order.PARALLEL:
            return waiting
        return () if any(each.is_open for each in self.entries) else waiting[:1]

    def to_end(self) -> Sequence[Entry]:
        """Return those that are open although another failed that they were to stop at."""
        return [each for each in self.entries if each.is_open] if self._has_stopped() else ()

    def ended(self, views: Iterable[CommandView]) -> list[Ended]:
        """Return all with how they ended."""
        known = {view.id: view for view in views}
        return [Ended(each.name, known.get(each.job_id) if each.job_id else None) for each in self.entries]

    def prefixed(self, entry: Entry, line: str) -> str:
        """Return a line as it is logged: with its command's name, where there are several."""
        return f"[{entry.name}] {line}" if len(self.entries) > 1 else line

    def verdict(self, entry: Entry) -> Verdict:
        """Judge one that has ended."""
        assert entry.state is not None  # noqa: S101  it has ended
        return self.rules.verdict(entry.state, entry.reason, entry.exit_code)

    def _has_stopped(self) -> bool:
        ended = (each for each in self.entries if each.has_ended)
        return self.stops and any(self.verdict(each) is not Verdict.SUCCESS for each in ended)
