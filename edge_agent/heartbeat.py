"""The beat: made in one place, carried by polls, sent alone when no poll has carried one for too long."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from edge_agent.client import QueueClient
from edge_agent.directives import Obedience
from edge_agent.errors import ProblemAnswer
from edge_agent.protocol import Beat, BeatAnswer, Capabilities, HostHealth, ProblemReason, Session
from edge_agent.protocol.metrics import Figures
from edge_agent.retry import HEARTBEAT
from edge_agent.sessions import Sessions
from edge_agent.status.board import StatusBoard

logger = logging.getLogger(__name__)

A = TypeVar("A")

DUE_PART = 0.8
"""Of an interval: after it a poll carries the next beat. Idle polls return after 0.9 of one."""

OVERDUE_PART = (1.10, 1.15)
"""Of an interval in which no beat was sent: then one is sent alone. Drawn anew each time, so that agents
whose server was away do not beat together for ever. If the beat before was lost on its way, the server
has heard nothing for 0.9 + 1.15 = 2.05 intervals by then, and it allows three."""

RETRY_PART = 0.4
"""Of an interval: how long to wait at most before a beat is tried again. A server that comes back judges
after three intervals, and must have heard everybody by then."""


FIGURES_PAUSE_SECONDS = 600.0
"""How long beats go without figures after a server refused one with them."""


class Pulse:
    """The beats of the current session: which number is next, and whether it is time.

    A beat keeps its number until it was acknowledged; what it says is as of when it is sent. ``figures_seconds``:
    how often it is to bring ``figures``, None for never.
    """

    def __init__(
        self,
        *,
        held: Callable[[], tuple[UUID, ...]],
        free_slots: Callable[[], int],
        health: Callable[[], HostHealth],
        capabilities: Callable[[], Capabilities],
        figures: Callable[[], Figures] = dict,
        figures_seconds: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = held
        self._free_slots = free_slots
        self._health = health
        self._capabilities = capabilities
        self._advertised: Capabilities = {}
        self._figures = figures
        self._figures_seconds = figures_seconds
        self._clock = clock
        self._figures_due_at = clock()
        self._number = 1
        self._said_at = 0.0
        self._sent_at = 0.0

    def begin(self, advertised: Capabilities) -> None:
        """Begin a new session: the registration was heard like a beat, with these capabilities."""
        self._number = 1
        self._said_at = self._sent_at = self._clock()
        self._advertised = advertised

    def is_due(self, interval_seconds: float) -> bool:
        """Whether a poll that starts now should carry a beat."""
        is_news = self._capabilities() != self._advertised
        return is_news or self.seconds_unsaid() >= DUE_PART * interval_seconds

    def seconds_unsaid(self) -> float:
        """How long ago the last acknowledged beat was sent."""
        return self._clock() - self._said_at

    def seconds_silent(self) -> float:
        """How long ago the last beat was sent, acknowledged or not: a poll's is, only when it returns."""
        return self._clock() - self._sent_at

    def next(self) -> Beat:
        """Make the beat that is to be acknowledged next, to be sent at once."""
        self._sent_at = self._clock()
        capabilities = self._capabilities()
        return Beat(
            number=self._number,
            held=self._held(),
            free_slots=self._free_slots(),
            capabilities=None if capabilities == self._advertised else capabilities,
            health=self._health(),
            figures=self._figures() if self._is_time_for_figures() else None,
        )

    async def tell(self, beat: Beat, send: Callable[[Beat], Awaitable[A]]) -> A:
        """Return the answer to a beat. To a server that cannot read its figures it is sent again without them.

        While servers are upgraded or put back one after the other, one has asked for figures, and the next, of the
        release before, refuses what it does not know.
        """
        try:
            return await send(beat)
        except ProblemAnswer as error:
            if beat.figures is None or error.reason is not ProblemReason.INVALID:
                raise
            logger.info("The server cannot read the figures of a heartbeat yet.", extra={"event": "figures_refused"})
            self._figures_due_at = self._clock() + FIGURES_PAUSE_SECONDS
            return await send(beat.model_copy(update={"figures": None}))

    def acknowledged(self, beat: Beat, *, sent_at: float) -> None:
        """Note that the server has heard a beat. One that another way has brought before changes nothing."""
        if beat.number == self._number:
            self._number += 1
            self._said_at = sent_at
            self._advertised = self._advertised if beat.capabilities is None else beat.capabilities
            if beat.figures is not None:
                self._figures_due_at = max(self._figures_due_at, sent_at + DUE_PART * (self._figures_seconds() or 0.0))

    def now(self) -> float:
        """Return the time of its clock, to say later when a beat was sent."""
        return self._clock()

    def _is_time_for_figures(self) -> bool:
        seconds = self._figures_seconds()
        return seconds is not None and self._clock() >= self._figures_due_at


class Heartbeat:
    """The loop that beats when polls do not."""

    def __init__(
        self,
        sessions: Sessions,
        client: QueueClient,
        *,
        pulse: Pulse,
        obedience: Obedience,
        board: StatusBoard,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._pulse = pulse
        self._obedience = obedience
        self._board = board
        self._sleep = sleep
        self._uniform = uniform

    async def run(self) -> None:
        """Beat for ever.

        :raises ProblemAnswer: when the server refuses it.
        """
        while True:
            session = await self._sessions.current()
            overdue_seconds = session.limits.heartbeat_seconds * self._uniform(*OVERDUE_PART)
            while (left := overdue_seconds - self._pulse.seconds_silent()) > 0:
                self._board.doing("heartbeat", "waiting", within_seconds=left, asks=True)
                await self._sleep(left)
            most_seconds = min(HEARTBEAT.most_seconds, RETRY_PART * session.limits.heartbeat_seconds)
            patience = replace(HEARTBEAT, most_seconds=most_seconds, most_asked_seconds=most_seconds)
            answer = await self._sessions.ask(patience, self._send)
            self._obedience.apply(answer.directives)

    async def _send(self, session: Session) -> BeatAnswer:
        self._board.doing("heartbeat", "sending a beat", within_seconds=HEARTBEAT.longest_seconds, asks=True)
        beat, sent_at = self._pulse.next(), self._pulse.now()
        answer = await self._pulse.tell(beat, lambda each: self._client.heartbeat(session, each))
        self._pulse.acknowledged(beat, sent_at=sent_at)
        self._sessions.renewed(session, answer.token)
        return answer
