"""One watcher per API process wakes the polls it holds: the number of agents costs no statements.

While somebody waits it asks the database, ten times a second, one question with one indexed statement:
which placements have queued jobs, and which agents were nudged. It wakes as many waiters as there are
jobs, most free slots first; a waiter that was woken then claims by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from airflow_plugin import meters
from airflow_plugin.api.own_connection import OwnConnection
from airflow_plugin.compat import create_session
from airflow_plugin.queue import offers
from edge_agent.protocol import metrics

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from airflow_plugin.queue.agents import Heard
    from airflow_plugin.queue.placement import Placement

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Pause after a failed question: the database is away, and asking faster does not bring it back."""

FRUITLESS_SECONDS = 1.0
"""A waiter that claimed nothing is not woken for the same placement again before that: the job does
not fit its free slots, or others were quicker."""


@dataclass(eq=False)
class Waiter:
    """One held poll."""

    agent: Heard
    free_slots: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    keys: set[str] = field(default_factory=set)
    nudged: bool = False
    replaced: bool = False
    _fruitless: dict[str, float] = field(default_factory=dict)

    def wants(self, key: str, placement: Placement, now: float) -> bool:
        """Whether a queued job of that placement is a reason to wake it."""
        return (
            self.free_slots > 0
            and self.agent.may_take_work
            and self._fruitless.get(key, 0) <= now
            and placement.serves(team=self.agent.team_name, queues=list(self.agent.queues))
            and not placement.lacking(self.agent.capabilities)
        )

    def wake(self, keys: set[str]) -> None:
        """Wake it to claim jobs of these placements, all together so that their ranks decide."""
        self.keys |= keys
        self.woken.set()

    def nudge(self) -> None:
        """Wake it because something was decided about its agent."""
        self.nudged = True
        self.woken.set()

    def replace(self) -> None:
        """End it, because its session polls anew: the one who asked has gone."""
        self.replaced = True
        self.woken.set()

    def take_keys(self) -> list[str]:
        """Return what it was woken for, and forget it."""
        keys, self.keys = sorted(self.keys), set()
        self.woken.clear()
        return keys

    def found_nothing(self, keys: list[str], now: float) -> None:
        """Note that a claim of these placements brought nothing."""
        self._fruitless |= dict.fromkeys(keys, now + FRUITLESS_SECONDS)


class Watcher:
    """Holds the waiters of this process and asks the database on their behalf."""

    def __init__(self, watch_seconds: float) -> None:
        self._watch_seconds = watch_seconds
        self._waiters: set[Waiter] = set()
        self._by_session: dict[UUID, Waiter] = {}
        self._somebody_waits = asyncio.Event()
        self.closing = False
        self._placements: dict[str, Placement] = {}
        self._demand: dict[str, int] = {}
        self._asked_at = 0.0
        self._line = OwnConnection("edge-agent-watcher")

    @property
    def held(self) -> int:
        """How many polls are held now."""
        return len(self._waiters)

    @contextmanager
    def waiting(self, agent: Heard, free_slots: int) -> Iterator[Waiter]:
        """Hold a poll. It starts woken for what the last question found, if that was just now.

        A session has one: a newer poll ends the one before, which nobody waits for any more.
        """
        waiter = Waiter(agent, free_slots)
        if before := self._by_session.get(agent.session_id):
            before.replace()
        self._by_session[agent.session_id] = waiter
        now = time.monotonic()
        if now - self._asked_at < 2 * self._watch_seconds:
            self._offer_to([waiter], now)
        self._waiters.add(waiter)
        self._somebody_waits.set()
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            if self._by_session.get(agent.session_id) is waiter:
                del self._by_session[agent.session_id]
            if not self._waiters:
                self._somebody_waits.clear()

    def close(self) -> None:
        """End every held poll, and hold no new one: the server stops."""
        self.closing = True
        for waiter in self._waiters:
            waiter.woken.set()

    async def run(self) -> None:
        """Ask for as long as somebody waits. Ends only by cancellation."""
        try:
            while True:
                await self._somebody_waits.wait()
                try:
                    asked_at = time.monotonic()
                    rows, unknown = await self._line.ask(self._ask)
                except SQLAlchemyError as error:
                    log.warning("The watcher could not ask for queued jobs; polls wait: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                self._placements = {key: self._placements[key] for key, _ in rows if key in self._placements} | unknown
                self._spread(rows)
                meters.took(metrics.WATCH, self._asked_at - asked_at)
                await asyncio.sleep(self._watch_seconds)
        finally:
            self._line.close()

    def _spread(self, rows: list[tuple[str, int | None]]) -> None:
        now = self._asked_at = time.monotonic()
        nudged = {key for key, jobs in rows if jobs is None}
        self._demand = {key: jobs for key, jobs in rows if jobs is not None}
        for waiter in self._waiters:
            if waiter.agent.name in nudged:
                waiter.nudge()
        self._offer_to(sorted(self._waiters, key=lambda waiter: -waiter.free_slots), now)

    def _offer_to(self, waiters: list[Waiter], now: float) -> None:
        """Wake waiters for the demand, and take off it what they will probably claim."""
        for waiter in waiters:
            open_keys = {key for key, jobs in self._demand.items() if jobs > 0 and key in self._placements}
            if not open_keys:
                return
            keys = {key for key in open_keys if waiter.wants(key, self._placements[key], now)}
            if keys and not waiter.woken.is_set():
                waiter.wake(keys)
                self._take_off(keys, waiter.free_slots)

    def _take_off(self, keys: set[str], slots: int) -> None:
        for key in keys:
            taken = min(slots, self._demand[key])
            self._demand[key] -= taken
            slots -= taken

    def _ask(self, connection: Connection) -> tuple[list[tuple[str, int | None]], dict[str, Placement]]:
        """Ask the database, in the watcher's own thread."""
        rows = [(row.key, row.jobs) for row in connection.execute(offers.news())]
        asked = {key for key, jobs in rows if jobs is not None}
        unknown = sorted(asked - set(self._placements))
        return rows, self._look_up(unknown) if unknown else {}

    @staticmethod
    def _look_up(keys: list[str]) -> dict[str, Placement]:
        with create_session(scoped=False) as session:
            return offers.placements(session, keys)
