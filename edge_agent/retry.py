"""What is worth asking again, and how patient each verb is. The one place that decides either.

Decided by the type of the error and the reason it carries, never by its text. All verbs are
idempotent, so asking again is always safe; the question is only whether it can help.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TypeVar

import tenacity

from edge_agent.contact import Contact
from edge_agent.counts import Counts
from edge_agent.errors import ProblemAnswer, QueueApiError, UndecodableAnswer, Unreachable
from edge_agent.protocol import ProblemReason, metrics
from edge_agent.protocol.metrics import Outcome

T = TypeVar("T")

RETRY_AFTER_MOST_SECONDS = 60.0
"""A server may ask for patience, not for ever: a wrong Retry-After must not silence an agent."""

TRY_SECONDS = 30.0
"""How long one try takes at most, but for a poll's (:data:`edge_agent.client.DEADLINE_SECONDS`)."""

_PASSING = frozenset({ProblemReason.UNAVAILABLE, ProblemReason.INTERNAL})


def is_worth_asking_again(error: BaseException) -> bool:
    """Whether the same question may get another answer later.

    No answer, and an answer that is not a queue API's (a proxy's page while the server restarts), may.
    A problem may when it says so itself, or when it is 429. Everything else is the server's word.
    """
    if isinstance(error, Unreachable):
        return True
    if isinstance(error, UndecodableAnswer):
        # 413 is a proxy's limit on the body. The same body meets the same limit.
        return error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, ProblemAnswer):
        return error.reason in _PASSING or error.status == HTTPStatus.TOO_MANY_REQUESTS
    return False


@dataclass(frozen=True)
class Patience:
    """How long one verb keeps asking.

    Waits start at ``first_seconds``, double, and stay at ``most_seconds``; each is shortened by up to
    half at random, so that agents cut off together do not come back together. ``attempts`` and
    ``total_seconds`` cap it; None means that giving up would lose something. A server that asks for time is
    given it, up to ``most_asked_seconds`` and a quarter.
    """

    verb: str
    first_seconds: float
    most_seconds: float
    attempts: int | None = None
    total_seconds: float | None = None
    most_asked_seconds: float = RETRY_AFTER_MOST_SECONDS

    @property
    def longest_seconds(self) -> float:
        """How long it may be at most from one try to the next."""
        return TRY_SECONDS + 1.25 * max(self.most_seconds, self.most_asked_seconds)


# An agent that cannot register has nothing else to do. 1, 2, 4, 8, 16, then 30 s for ever. Asked for time, too,
# it comes again within 30 s, the three intervals after which a server that came back judges whom it has not heard.
REGISTER = Patience("register", 1.0, 30.0, most_asked_seconds=24.0)
# One that holds work is looked for like one that beats: what it holds is lost three intervals after the server came
# back. It was restarted in an outage, and knows no interval but the default.
REGISTER_WITH_WORK = Patience("register", 1.0, 4.0, most_asked_seconds=4.0)
# Nobody waits for a poll but the agent. 0.5, 1, 2, 4, then 8 s for ever: work flows again at most 8 s
# after an outage of any length, and 500 agents knock about 80 times a second.
POLL = Patience("poll", 0.5, 8.0)
# Three missed intervals cost everything the agent holds, and the default interval is 10 s: at most
# 4 s between two tries, less where the interval is shorter. For ever: a later beat would say the same. A proxy
# that asks for a minute is not who judges the agent: it is given a quarter more than these 4 s.
HEARTBEAT = Patience("heartbeat", 0.5, 4.0, most_asked_seconds=4.0)
# The answer decides, not a clock of ours: until it comes nobody knows whether the job is ours. An offer
# lives 15 s and the first tries are for those: 0.2 + 0.4 + 0.8 + 1.6 + 3.2 = 6.2 s, then every 5 s.
CONFIRM = Patience("confirm", 0.2, 5.0)
# Tasks wait for it, which go on without it: their reports and questions do not. For ever, as the outage
# that has cost them their tokens is often still there: 0.5, 1, 2, then 4 s.
RENEW = Patience("renew", 0.5, 4.0)
# Logs and endings wait on the disk for as long as it takes. 0.5, 1, 2, 4, then 8 s for ever.
SEND_LOG = Patience("send_log", 0.5, 8.0)
REPORT = Patience("report", 0.5, 8.0)
# Courtesy: without it the agent is found silent three intervals later. Waits of 0.5 + 1 + 1 = 2.5 s. Somebody
# waits for the agent to end: the next one in its place, or the service manager.
LEAVE = Patience("leave", 0.5, 1.0, attempts=4, total_seconds=10.0)


class Asker:
    """Asks, and asks again with the patience of the verb. Sleep and chance are arguments."""

    def __init__(
        self,
        contact: Contact,
        counts: Counts | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._contact = contact
        self._counts = counts or Counts()
        self._sleep = sleep
        self._uniform = uniform

    async def ask(self, patience: Patience, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer of ``call``, made as often as the patience lasts.

        :raises QueueApiError: the last failure, when it is not worth asking again or patience ran out.
        """

        def wait(state: tenacity.RetryCallState) -> float:
            return self._wait_seconds(patience, state)

        asking = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(is_worth_asking_again),
            wait=wait,
            stop=tenacity.stop_never if patience.attempts is None else tenacity.stop_after_attempt(patience.attempts),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            async with asyncio.timeout(patience.total_seconds):
                return await asking(self._noted, patience, call, count())
        except TimeoutError as error:
            msg = f"no answer within {patience.total_seconds:g} s"
            raise Unreachable(msg) from error

    async def _noted(self, patience: Patience, call: Callable[[], Awaitable[T]], tries: count[int]) -> T:
        if next(tries):
            self._counts.add(metrics.RETRIES, patience.verb)
        asked_at = time.monotonic()
        try:
            answer = await call()
        except QueueApiError as error:
            self._counts.add(metrics.REQUESTS, patience.verb, _outcome(error))
            if is_worth_asking_again(error):
                self._contact.missed(patience.verb, error)
            else:
                self._contact.refused(patience.verb, error)
            raise
        self._counts.add(metrics.REQUESTS, patience.verb, Outcome.ANSWERED)
        if patience.verb in (metrics.TIMED_VERB.values or ()):
            self._counts.took(metrics.REQUEST_SECONDS, time.monotonic() - asked_at, patience.verb)
        self._contact.heard()
        return answer

    def _wait_seconds(self, patience: Patience, state: tenacity.RetryCallState) -> float:
        # 2 ** 30 is past any cap; a higher power only costs memory in an outage of days.
        doubled = patience.first_seconds * 2.0 ** min(state.attempt_number - 1, 30)
        wait_seconds = self._uniform(0.5, 1.0) * min(doubled, patience.most_seconds)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, QueueApiError) else None
        if asked is None:
            return wait_seconds
        # Everybody was told the same number: come after it, but not all at once.
        return max(wait_seconds, min(asked, patience.most_asked_seconds) * self._uniform(1.0, 1.25))


def _outcome(error: QueueApiError) -> Outcome:
    if isinstance(error, ProblemAnswer):
        return Outcome.REFUSED
    return Outcome.FOREIGN if isinstance(error, UndecodableAnswer) else Outcome.UNREACHABLE
