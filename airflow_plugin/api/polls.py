"""The long poll: held on an in-process event, never on a database session.

What if it dies here? An offer that was committed and not delivered expires; directives are told again
with the next beat, because they are always the whole truth.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from airflow_plugin import meters
from airflow_plugin.api.transactions import transact
from airflow_plugin.api.watcher import Waiter, Watcher
from airflow_plugin.errors import NotFound, Overloaded, SessionEnded
from airflow_plugin.queue import agents, offers
from edge_agent.protocol import Beat, Directives, Offer, Poll, PollAnswer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig
    from airflow_plugin.queue.agents import Heard
    from airflow_plugin.queue.sessions import SessionRef


class Polls:
    """Answers polls. Remembers the agents this process heard from, so that a poll costs no statement."""

    def __init__(self, config: QueueConfig, watcher: Watcher) -> None:
        self._config = config
        self._watcher = watcher
        self._heard: dict[UUID, tuple[Heard, SessionRef, float]] = {}

    async def hear(self, name: str, ref: SessionRef, beat: Beat) -> Heard:
        """Renew an agent by a beat and remember it.

        :raises SessionEnded: when the session is not current.
        :raises NotFound: when the session is another agent's.
        """
        token_seconds = self._config.session_life_seconds
        try:
            heard = await transact(lambda session: agents.hear(session, ref, beat, token_seconds=token_seconds))
        except SessionEnded:
            self._heard.pop(ref.id, None)
            raise
        return self._remember(name, ref, heard)

    async def answer(self, name: str, ref: SessionRef, ask: Poll) -> PollAnswer:
        """Hold a poll until there is work for it, something it must hear, or its time is over.

        :raises Overloaded: when too many are held.
        """
        deadline = time.monotonic() + min(ask.wait_seconds, self._config.poll_seconds)
        heard = await self.hear(name, ref, ask.beat) if ask.beat else await self._known(name, ref)
        news = heard.nudged or heard.directives.cancel or heard.directives.drop
        token = heard.next_token.get_secret_value() if heard.next_token else None
        if news or self._watcher.closing:
            return PollAnswer(directives=heard.directives, token=token)
        if self._watcher.held >= self._config.max_held_polls:
            msg = f"This API server holds {self._watcher.held} polls and no more ([edge_agent] max_held_polls)."
            raise Overloaded(msg)
        with self._watcher.waiting(heard, ask.free_slots) as waiter:
            while await _woken(waiter, deadline) and not waiter.replaced and not self._watcher.closing:
                if waiter.nudged:
                    heard = await self._refresh(name, ref)
                    return PollAnswer(directives=heard.directives, token=token)
                if offered := await self._claim(waiter):
                    return PollAnswer(offers=tuple(offered), directives=heard.directives, token=token)
        return PollAnswer(directives=heard.directives, token=token)

    async def _claim(self, waiter: Waiter) -> list[Offer]:
        keys = waiter.take_keys()
        claimant = offers.Claimant(waiter.agent.name, waiter.agent.session_id, waiter.agent.slots, waiter.free_slots)

        def claim(session: Session) -> list[Offer]:
            return offers.offer(
                session, claimant, keys, limit=self._config.batch, offer_seconds=self._config.offer_seconds
            )

        offered = await transact(claim)
        if not offered:
            waiter.found_nothing(keys, time.monotonic())
        return offered

    async def _known(self, name: str, ref: SessionRef) -> Heard:
        """Return an agent this process heard from within a beat, or look it up."""
        heard, shown, at = self._heard.get(ref.id, (None, None, 0.0))
        fresh = time.monotonic() - at < self._config.heartbeat_seconds
        if heard is None or not fresh or shown != ref or heard.name != name:
            return await self._refresh(name, ref)
        return heard

    async def _refresh(self, name: str, ref: SessionRef) -> Heard:
        heard = await transact(lambda session: agents.refresh(session, ref))
        return self._remember(name, ref, heard)

    def _remember(self, name: str, ref: SessionRef, heard: Heard) -> Heard:
        if heard.name != name:
            msg = f"This session is not of an agent named {name!r}."
            raise NotFound(msg)
        heard = replace(heard, directives=asking_for_figures(heard.directives, self._config))
        now = time.monotonic()
        if len(self._heard) > 10_000:  # noqa: PLR2004  sessions end without a word: forget the stale ones
            stale = now - self._config.heartbeat_seconds
            self._heard = {key: known for key, known in self._heard.items() if known[2] > stale}
        # What was news once is none to the next poll.
        self._heard[ref.id] = (replace(heard, nudged=False, next_token=None), ref, now)
        return heard


def asking_for_figures(directives: Directives, config: QueueConfig) -> Directives:
    """Return what is wanted of an agent, and its own metrics where somebody wants those."""
    if not meters.are_on():
        return directives
    return directives.model_copy(update={"figures_seconds": config.metrics_seconds})


async def _woken(waiter: Waiter, deadline: float) -> bool:
    """Wait until the waiter is woken; False when its time is over."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await waiter.woken.wait()
    except TimeoutError:
        return False
    return True
