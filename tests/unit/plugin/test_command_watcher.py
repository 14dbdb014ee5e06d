"""The watcher of commands: one question for all who wait, none while nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError

from airflow_plugin.api import command_watcher
from airflow_plugin.api.command_watcher import CommandWaiter, CommandWatcher
from edge_agent.protocol import JobState
from edge_agent.protocol.commands import Seen

LIMIT = 1000
ONE, TWO = uuid4(), uuid4()


@dataclass
class Row:
    """A command as the database has it."""

    state: JobState = JobState.RUNNING
    log_bytes: int = 0
    log_full: bool = False


class Line:
    """Answers what the watcher asks, without a database."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Row] = {}
        self.asked: list[list[UUID]] = []
        self.is_down = False

    async def ask(self, question: Any) -> dict[UUID, Row]:
        (ids,) = question.args
        self.asked.append(ids)
        if self.is_down:
            raise OperationalError("", {}, Exception("away"))
        return {id_: self.rows[id_] for id_ in ids if id_ in self.rows}

    def close(self) -> None:
        """Hang up."""


def waiter(*seen: Seen, log_counts_at: float = 0.0) -> CommandWaiter:
    return CommandWaiter({each.id: each for each in seen}, LIMIT, log_counts_at)


@pytest.mark.parametrize(
    ("row", "at", "is_woken"),
    [
        (Row(), 10.0, False),
        (Row(JobState.SUCCEEDED), 0.0, True),
        (None, 0.0, True),
        (Row(log_bytes=5), 4.9, False),
        (Row(log_bytes=5), 5.0, True),
    ],
    ids=["nothing new", "another state", "gone", "longer, too soon", "longer"],
)
def test_it_wakes_for_what_is_news_and_for_a_longer_log_not_at_once(row: Row | None, at: float, is_woken: bool) -> None:
    waits = waiter(Seen(id=ONE, state=JobState.RUNNING, log_bytes=0), log_counts_at=5.0)
    waits.judge({} if row is None else {ONE: row}, at)
    assert waits.woken.is_set() is is_woken


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """Give the other end of the watcher's line, which is asked without a pause."""
    line = Line()
    monkeypatch.setattr(command_watcher, "OwnConnection", lambda _name: line)
    for pause in ("ASK_SECONDS", "RETRY_SECONDS", "LOG_SECONDS"):
        monkeypatch.setattr(command_watcher, pause, 0.0)
    return line


@contextmanager
def running(watcher: CommandWatcher) -> Iterator[None]:
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        task.cancel()


async def turns(until: Callable[[], bool]) -> None:
    """Let others run until something holds."""
    async with asyncio.timeout(5):
        while not until():  # noqa: ASYNC110  who is waited for sets no event
            await asyncio.sleep(0)


def known(*ids: UUID) -> Sequence[Seen]:
    return [Seen(id=id_, state=JobState.RUNNING) for id_ in ids]


async def test_all_who_wait_are_asked_for_together_and_only_while_they_wait(line: Line) -> None:
    watcher = CommandWatcher(0.0, LIMIT)
    line.rows = {ONE: Row(), TWO: Row()}
    with running(watcher):
        await asyncio.sleep(0)
        assert line.asked == [], "nobody waits"
        with watcher.waiting(known(ONE, TWO)) as first, watcher.waiting(known(TWO)) as second:
            assert watcher.held == 2
            await turns(lambda: len(line.asked) > 1)
            assert line.asked[0] == sorted([ONE, TWO])
            line.rows[ONE] = Row(JobState.FAILED)
            await first.woken.wait()
            assert not second.woken.is_set()
        assert watcher.held == 0
        asked = len(line.asked)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(line.asked) <= asked + 1, "what was under way, and no more"


async def test_a_database_that_is_away_wakes_nobody_and_is_asked_again(line: Line, caplog: Any) -> None:
    watcher = CommandWatcher(0.0, LIMIT)
    line.rows, line.is_down = {ONE: Row(JobState.FAILED)}, True
    with running(watcher), watcher.waiting(known(ONE)) as waits:
        await turns(lambda: len(line.asked) > 2)
        assert not waits.woken.is_set()
        line.is_down = False
        await waits.woken.wait()
    assert "could not ask for commands" in caplog.text


async def test_whoever_waits_is_let_go_when_the_server_stops(line: Line) -> None:
    watcher = CommandWatcher(0.0, LIMIT)
    with watcher.waiting(known(ONE)) as waits:
        watcher.close()
        assert waits.woken.is_set()
    assert watcher.closing
