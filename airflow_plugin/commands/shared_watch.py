"""One held request for everything that an event loop waits for at one queue API.

Each who waits says what it has seen. All of it goes into one request; its answer is dealt out to those for whom it
is news. Somebody new ends the request that is held, for a short wait, and a longer one with it takes its place. A
server does not see that an asker has gone, and holds what nobody waits for to its end: therefore a request that
was ended so is followed by short ones, which grow again while nobody comes.

More than one request holds are as many *lanes*: each is one request at a time.

What if it dies here? Nothing is kept: each who waits says with every wait what it has seen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_plugin.commands import calls
from airflow_plugin.commands.errors import QueueApiError
from airflow_plugin.commands.patience import pause_seconds
from edge_agent.protocol.commands import MAX_WATCHED, CommandView, News, Seen, Watch

if TYPE_CHECKING:
    from airflow_plugin.commands.client import AsyncClient

log = logging.getLogger(__name__)

LONGEST_SECONDS = 25.0
SHORTEST_SECONDS = 1.0
"""A request is held for so long: the shortest after one that had to be ended, then twice as long each time."""

SETTLE_SECONDS = 0.05
"""How long others are waited for before a request is sent: they tend to come together."""

RETURN_SECONDS = 0.25
"""How long those are waited for who had news and will be back; and the least between two requests, one ended for
somebody new."""

LINGER_SECONDS = 1.0
"""How long a request is kept that nobody waits for."""


class SharedWatch:
    """All lanes of one client."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self.lanes: list[Lane] = []
        """Those there are, and some that have ended."""

    async def wait(self, commands: Sequence[Seen], wait_seconds: float, outage_seconds: float | None) -> News:
        """Return what is new to whoever has seen this, or nothing when the time is over.

        :raises QueueApiError: when the queue API refuses, or has not answered for ``outage_seconds``.
        """
        waiters = {}
        for start in range(0, len(commands), MAX_WATCHED):
            waiter = Waiter(commands[start : start + MAX_WATCHED], outage_seconds)
            waiters[waiter] = lane = self._lane_for(waiter)
            lane.join(waiter)
        answers = [waiter.answer for waiter in waiters]
        try:
            done, _ = await asyncio.wait(answers, timeout=wait_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter, lane in waiters.items():
                lane.leave(waiter)
        for trouble in {lane.trouble for lane in waiters.values() if lane.trouble and not done}:
            log.warning("%s", trouble)
        found = [answer.result() for answer in done]
        return News(
            commands=tuple(view for news in found for view in news.commands),
            unknown=tuple(job_id for news in found for job_id in news.unknown),
        )

    def _lane_for(self, waiter: Waiter) -> Lane:
        self.lanes = [lane for lane in self.lanes if not lane.is_over]
        for lane in self.lanes:
            if lane.has_room_for(waiter):
                return lane
        self.lanes.append(Lane(self._client))
        return self.lanes[-1]

    async def close(self) -> None:
        """End all requests, and with them whoever still waits."""
        for lane in self.lanes:
            await lane.close()


class Waiter:
    """One who waits."""

    def __init__(self, commands: Iterable[Seen], outage_seconds: float | None) -> None:
        self.seen = {seen.id: seen for seen in commands}
        self.outage_seconds = outage_seconds
        self.answer: asyncio.Future[News] = asyncio.get_running_loop().create_future()

    def hear(self, news: News, asked: dict[UUID, Seen]) -> bool:
        """Take what is news to this one; False when nothing is."""
        views = tuple(view for view in news.commands if self._is_news(view, asked))
        unknown = tuple(job_id for job_id in news.unknown if job_id in self.seen)
        if (views or unknown) and not self.answer.done():
            self.answer.set_result(News(commands=views, unknown=unknown))
        return bool(views or unknown)

    def _is_news(self, view: CommandView, asked: dict[UUID, Seen]) -> bool:
        seen = self.seen.get(view.id)
        if seen is None or seen == asked.get(view.id):
            return seen is not None  # what the server takes for news is news
        return view.state is not seen.state or (seen.log_bytes is not None and view.log_bytes > seen.log_bytes)

    def is_patient(self, outage_seconds: float) -> bool:
        """Whether it goes on waiting when nothing was heard for so long."""
        return self.outage_seconds is None or outage_seconds < self.outage_seconds

    def fail(self, error: BaseException) -> None:
        """End its wait."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Lane:
    """One request at a time, and those who wait for it."""

    def __init__(self, client: AsyncClient) -> None:
        self.trouble: str | None = None
        """Why nothing is heard, while that is so."""
        self._client = client
        self._waiters: set[Waiter] = set()
        self._changed = asyncio.Event()
        self._asked: dict[UUID, Seen] = {}
        self._expected: set[UUID] = set()
        self._is_complete = True
        self._held_seconds = LONGEST_SECONDS
        self._asked_at = 0.0
        self._failing_since: float | None = None
        self._failures = 0
        # A context of its own: what runs for many must not log as the one who came first.
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
        self._task.add_done_callback(self._end)

    @property
    def is_over(self) -> bool:
        """Whether nobody can wait here any more."""
        return self._task.done()

    def has_room_for(self, waiter: Waiter) -> bool:
        """Whether its commands fit into the one request."""
        return len(set(waiter.seen).union(*(other.seen for other in self._waiters))) <= MAX_WATCHED

    def join(self, waiter: Waiter) -> None:
        """Let somebody wait here."""
        self._waiters.add(waiter)
        self._expected.difference_update(waiter.seen)
        self._is_complete &= all(_covers(self._asked.get(seen.id), seen) for seen in waiter.seen.values())
        self._changed.set()

    def leave(self, waiter: Waiter) -> None:
        """Let somebody go, with an answer or without."""
        self._waiters.discard(waiter)
        self._changed.set()

    async def close(self) -> None:
        """End the request, and whoever waits for it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for what has ended."""
        error = None if task.cancelled() else task.exception()
        for waiter in self._waiters:
            if error is None:
                waiter.answer.cancel()
            else:
                waiter.fail(error)

    async def _run(self) -> None:
        while await self._is_waited_for():
            await self._gather()
            if self._waiters:
                await self._ask()

    async def _is_waited_for(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._waiters:
                    self._changed.clear()
                    await self._changed.wait()
        return bool(self._waiters)

    async def _gather(self) -> None:
        """Let those come who come together, and those come back who have just had news."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_SECONDS):
                while self._expected:
                    self._changed.clear()
                    await self._changed.wait()
        self._expected.clear()
        await asyncio.sleep(SETTLE_SECONDS)

    async def _ask(self) -> None:
        self._asked, self._is_complete, self._asked_at = _together(self._waiters), True, time.monotonic()
        call = calls.watch(Watch(commands=tuple(self._asked.values()), wait_seconds=self._held_seconds))
        request = asyncio.ensure_future(self._client.ask_once(call))
        try:
            if not await self._is_answered(request):
                self._held_seconds = SHORTEST_SECONDS
                return
            self._deal_out(request.result())
        except QueueApiError as error:
            await self._failed(error)
        finally:
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            self._asked = {}

    async def _is_answered(self, request: asyncio.Future[News]) -> bool:
        """Wait for the answer; False when it is to be asked for anew, with others, or nobody wants it."""
        due: float | None = None
        while not request.done():
            self._changed.clear()
            due = self._due(due)
            changed = asyncio.ensure_future(self._changed.wait())
            timeout = None if due is None else max(due - time.monotonic(), 0.0)
            both: list[asyncio.Future[Any]] = [request, changed]
            await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            if due is not None and time.monotonic() >= due:
                break
        return request.done()

    def _due(self, due: float | None) -> float | None:
        """Return when to end the request that is held; None: it is the right one."""
        now = time.monotonic()
        if not self._waiters:
            return due or now + LINGER_SECONDS
        return None if self._is_complete else max(now, self._asked_at + RETURN_SECONDS)

    def _deal_out(self, news: News) -> None:
        self._held_seconds = min(2 * self._held_seconds, LONGEST_SECONDS)
        self.trouble, self._failing_since, self._failures = None, None, 0
        ended = {view.id for view in news.commands if view.state.is_terminal} | {*news.unknown}
        for waiter in list(self._waiters):
            if waiter.hear(news, self._asked):
                self._expected.update(waiter.seen.keys() - ended)

    async def _failed(self, error: QueueApiError) -> None:
        """Tell those whose patience is over, and wait for the next try."""
        self._failing_since = self._failing_since or self._asked_at
        self._failures += 1
        lasted_seconds = time.monotonic() - self._failing_since
        passes = self._client.passes(error)
        for waiter in [waiter for waiter in self._waiters if waiter.seen.keys() <= self._asked.keys()]:
            if not passes or not waiter.is_patient(lasted_seconds):
                waiter.fail(error)
        if passes:
            self.trouble = f"The queue API has not answered as it should for {lasted_seconds:.0f} s. {error}"
            await asyncio.sleep(pause_seconds(self._failures, error))


def _together(waiters: Iterable[Waiter]) -> dict[UUID, Seen]:
    """Return what to ask for all of them: of each command, what is news to any who waits for it."""
    asked: dict[UUID, Seen] = {}
    for waiter in waiters:
        for seen in waiter.seen.values():
            asked[seen.id] = _both(asked[seen.id], seen) if seen.id in asked else seen
    return asked


def _both(one: Seen, other: Seen) -> Seen:
    bytes_ = [seen.log_bytes for seen in (one, other) if seen.log_bytes is not None]
    offsets = [seen.read_offset for seen in (one, other) if seen.read_offset is not None]
    return Seen(
        id=one.id,
        # Whatever it is, it is news to one of the two.
        state=one.state if one.state is other.state else None,
        log_bytes=min(bytes_, default=None),
        read_offset=max(offsets, default=None),
    )


def _covers(asked: Seen | None, seen: Seen) -> bool:
    """Whether whoever has seen this hears of all that is news from a request that asks so."""
    if asked is None or asked.state not in {seen.state, None}:
        return False
    hears_of_log = seen.log_bytes is None or (asked.log_bytes is not None and asked.log_bytes <= seen.log_bytes)
    return hears_of_log and (seen.read_offset is None or (asked.read_offset or 0) >= seen.read_offset)
