"""The poll loop: asks for work and waits, carries the beat, and hands offers and directives on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from edge_agent.client import QueueClient
from edge_agent.directives import Obedience
from edge_agent.heartbeat import Pulse
from edge_agent.holdings import Holdings
from edge_agent.intake import Intake
from edge_agent.protocol import Beat, Poll, PollAnswer, Session
from edge_agent.retry import POLL
from edge_agent.sessions import Sessions
from edge_agent.status.board import StatusBoard

WAIT_PART = 0.9
"""Of a heartbeat interval: how long a poll is held at most. An idle agent's polls are its beats, each a
little before the interval is over: 6.7 requests a minute at 10 s."""

FIRST_WAIT_PART = (0.3, 1.0)
"""Of that: how long the first poll of a session is held. Agents that registered together (an API server
came back) are apart from then on, as every later wait is the same for all."""


PAUSE_SECONDS = 1.0
"""A server with something urgent to say answers at once. It says it until it is done, as long as it takes
to end a job; the second empty answer in a row that comes early is followed by a pause."""

EARLY_PART = 0.5
"""Of the time a poll may be held: what comes before is early."""


class Polling:
    """One poll at a time, for ever. ``free_slots``: how many slots of work may be asked for now."""

    def __init__(
        self,
        sessions: Sessions,
        client: QueueClient,
        *,
        holdings: Holdings,
        intake: Intake,
        pulse: Pulse,
        obedience: Obedience,
        board: StatusBoard,
        free_slots: Callable[[], int],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._holdings = holdings
        self._intake = intake
        self._pulse = pulse
        self._obedience = obedience
        self._board = board
        self._free_slots = free_slots
        self._uniform = uniform
        self._polled_in: UUID | None = None
        self._asked_slots = 0
        self._early = 0
        self._is_early = False

    async def run(self) -> None:
        """Poll for ever.

        :raises ProblemAnswer: when the server refuses it.
        :raises ForeignServer: when the server is not the one that this host knows any more.
        """
        while True:
            await self._intake.look_at_disk()
            answer = await self._poll_while_it_counts()
            if answer is not None:
                await self._intake.meet(answer.server_keys)
                self._obedience.apply(answer.directives)
                self._intake.take(answer.offers)
                await self._pause_if_early(answer)

    async def _poll_while_it_counts(self) -> PollAnswer | None:
        """Return the answer to a poll; None when the agent is no longer what the poll said it was.

        A poll that asked for nothing is given up as soon as there is a free slot: no offer can be lost
        with it. One that asked for work is given up only when none may be taken any more; what it was
        offered in that moment expires.
        """
        self._asked_slots = self._free_slots()
        polling = asyncio.ensure_future(self._sessions.ask(POLL, self._poll))
        change = asyncio.ensure_future(self._holdings.wait_for_change())
        try:
            while not polling.done():
                await asyncio.wait({polling, change}, return_when=asyncio.FIRST_COMPLETED)
                if not polling.done() and (self._asked_slots == 0) != (self._free_slots() == 0):
                    return None
                if change.done():
                    change = asyncio.ensure_future(self._holdings.wait_for_change())
            return polling.result()
        finally:
            polling.cancel()
            change.cancel()
            await asyncio.gather(polling, change, return_exceptions=True)

    async def _poll(self, session: Session) -> PollAnswer:
        interval_seconds = session.limits.heartbeat_seconds
        wait_seconds = min(session.limits.poll_seconds, WAIT_PART * interval_seconds)
        beat = self._pulse.next() if self._pulse.is_due(interval_seconds) else None
        if session.session_id != self._polled_in:
            self._polled_in = session.session_id
            wait_seconds *= self._uniform(*FIRST_WAIT_PART)
        elif beat is None:
            # Until the next beat is due and not longer: the next poll carries it.
            wait_seconds = min(wait_seconds, WAIT_PART * interval_seconds - self._pulse.seconds_unsaid())
        self._asked_slots = self._free_slots()
        what, within_seconds = f"waiting for work for {self._asked_slots} slots", wait_seconds + POLL.longest_seconds
        self._board.doing("polling", what, within_seconds=within_seconds, asks=True)
        sent_at = self._pulse.now()
        poll = Poll(free_slots=self._asked_slots, wait_seconds=wait_seconds, beat=beat)

        async def send(beat: Beat) -> PollAnswer:
            return await self._client.poll(session, poll.model_copy(update={"beat": beat}))

        answer = await (self._client.poll(session, poll) if beat is None else self._pulse.tell(beat, send))
        if beat is not None:
            self._pulse.acknowledged(beat, sent_at=sent_at)
            self._sessions.renewed(session, answer.token)
        self._is_early = self._pulse.now() - sent_at < EARLY_PART * wait_seconds
        return answer

    async def _pause_if_early(self, answer: PollAnswer) -> None:
        """Keep from spinning where a server answers at once, again and again, and offers nothing."""
        self._early = self._early + 1 if self._is_early and not answer.offers else 0
        if self._early > 1:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._holdings.wait_for_change()
