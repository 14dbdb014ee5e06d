"""The current session: opened by one loop, used by all, opened again when it has ended.

Its token is short-lived: an answer to a beat brings the next one, and whoever asks shows the newest there is.

What if it dies here? A session is nothing on the host. The next one declares what is held, and the
server settles the difference before anything new is offered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TypeVar

from pydantic import SecretStr

from edge_agent.client import QueueClient
from edge_agent.errors import ProblemAnswer, SessionEnded, Superseded, Unauthenticated
from edge_agent.protocol import Beat, Registration, Session
from edge_agent.retry import LEAVE, REGISTER, REGISTER_WITH_WORK, Asker, Patience
from edge_agent.status.board import StatusBoard, now

logger = logging.getLogger(__name__)

T = TypeVar("T")

SHORT_LIVED_SECONDS = 30.0
SHORT_LIVED_MOST_WAIT_SECONDS = 30.0
"""Sessions that end again and again at once (two hosts with one name) must not become a storm: the second
in a row waits 1 s, then 2, 4, ... up to 30 s."""

SETTLING_SECONDS = 300.0
"""How long it may take at most to do what a session begins with, beside what the ends of jobs take that were
taken from this agent."""

Opened = Callable[[Session, Registration], Awaitable[None]]


class Sessions:
    """Keeps a session open.

    ``token`` and ``registration`` are asked anew for each registration: the token file may have
    changed, and what is held has. ``opened`` settles what a new session orders (what was taken from us
    ends) before anybody gets to use it.
    """

    def __init__(
        self,
        client: QueueClient,
        asker: Asker,
        *,
        token: Callable[[], SecretStr],
        registration: Callable[[], Registration],
        opened: Opened,
        board: StatusBoard | None = None,
        settling_seconds: float = SETTLING_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._asker = asker
        self._token = token
        self._registration = registration
        self._opened = opened
        self._board = board or StatusBoard()
        self._settling_seconds = settling_seconds
        self._sleep = sleep
        self._clock = clock
        self._short_lived = 0
        self._session: Session | None = None
        self._end_error: ProblemAnswer | None = None
        self._is_open = asyncio.Event()
        self._has_ended = asyncio.Event()
        self._in_use = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self.latest: Session | None = None
        """The last session there was, for its limits."""
        self.opened_at: datetime | None = None
        """When that was opened, for people."""
        self.renewed_at: datetime | None = None
        """When its token came, for people."""

    async def run(self) -> None:
        """Keep a session open for ever.

        :raises Superseded: when another process took this agent's name.
        :raises ProblemAnswer: when the server refuses the registration.
        :raises SettingsError: when the token cannot be read any more.
        """
        while True:
            session, registration = await self._register()
            opened_at = self._clock()
            self._board.doing("session", "settling what it begins with", within_seconds=self._settling_seconds)
            await self._opened(session, registration)
            self.latest = self._session = session
            self.opened_at = self.renewed_at = now()
            self._has_ended.clear()
            self._is_open.set()
            self._board.doing("session", "open")
            self._board.session(is_open=True)
            await self._has_ended.wait()
            self._board.doing("session", "waiting to register again")
            if isinstance(self._end_error, Superseded):
                raise self._end_error
            logger.warning(
                "The session has ended (%s); registering again with what is held.",
                self._end_error,
                extra={"event": "session_ended"},
            )
            await self._pause(lived_seconds=self._clock() - opened_at)
            # A confirm under way decides what is held: the registration must not be written before.
            await self._unused.wait()

    @property
    def is_open(self) -> bool:
        """Whether there is a session now."""
        return self._session is not None

    def is_current(self, session: Session) -> bool:
        """Whether this is the session there is now, with whatever token."""
        return self._session is not None and self._session.session_id == session.session_id

    async def current(self) -> Session:
        """Return the session, waiting for one if there is none."""
        while self._session is None:
            await self._is_open.wait()
        return self._session

    async def ask(self, patience: Patience, verb: Callable[[Session], Awaitable[T]]) -> T:
        """Return the answer to a verb, asked with the patience it has, and in the next session if one ends.

        :raises QueueApiError: when it is refused, or patience ran out.
        """
        while True:
            session = await self.current()
            with suppress(SessionEnded, Superseded, Unauthenticated):
                return await self.ask_in(session, patience, verb)

    async def ask_in(self, session: Session, patience: Patience, verb: Callable[[Session], Awaitable[T]]) -> T:
        """Return the answer to a verb that means something in this session only.

        :raises SessionEnded: when that is not the current one any more.
        :raises QueueApiError: when it is refused otherwise, or patience ran out.
        """
        shown = session

        async def once() -> T:
            nonlocal shown
            shown = self._newest(session)
            return await verb(shown)

        while True:
            try:
                return await self._asker.ask(patience, once)
            except (SessionEnded, Superseded, Unauthenticated) as error:
                if self._newest(session) is shown:
                    self._end(session, error)
                    raise
                # Its token was replaced while it was on its way.

    def renewed(self, session: Session, token: str | None) -> None:
        """Show this token from now on, which the answer to a beat of that session brought, if it brought one.

        One that answers an older token than the newest is old news.
        """
        if token is not None and self._session is session:
            self.latest = self._session = session.model_copy(update={"token": token})
            self.renewed_at = now()

    @asynccontextmanager
    async def held_open(self) -> AsyncIterator[Session]:
        """Use a session for something that changes what is held: no registration is written meanwhile."""
        session = await self.current()
        self._in_use += 1
        self._unused.clear()
        try:
            yield session
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._unused.set()

    async def leave(self, beat: Beat | None) -> None:
        """End the session in order; a last beat declares what lives on. Without a session, do nothing.

        :raises QueueApiError: when the server could not be told in the short time there is.
        """
        session, self._session = self._session, None
        self._is_open.clear()
        if session is None:
            return

        async def goodbye() -> None:
            if beat is not None:
                await self._client.heartbeat(session, beat)
            await self._client.leave(session)

        try:
            await self._asker.ask(LEAVE, goodbye)
        except SessionEnded:
            # By itself, or because an earlier try was heard and its answer lost: it is over either way.
            logger.debug("The session had ended already.", extra={"event": "session_ended"})

    async def _register(self) -> tuple[Session, Registration]:
        known = self._registration()
        patience = REGISTER_WITH_WORK if known.held or known.never_started else REGISTER

        async def once() -> tuple[Session, Registration]:
            self._board.doing("session", "registering", within_seconds=REGISTER.longest_seconds)
            registration = self._registration()
            return await self._client.register(self._token(), registration), registration

        return await self._asker.ask(patience, once)

    async def _pause(self, lived_seconds: float) -> None:
        if lived_seconds >= SHORT_LIVED_SECONDS:
            self._short_lived = 0
            return
        if self._short_lived:
            await self._sleep(min(2.0 ** (min(self._short_lived, 10) - 1), SHORT_LIVED_MOST_WAIT_SECONDS))
        self._short_lived += 1

    def _newest(self, session: Session) -> Session:
        """Return a session with the newest token it has."""
        return self._session if self._session is not None and self.is_current(session) else session

    def _end(self, session: Session, error: ProblemAnswer) -> None:
        """Note that a session has ended. Of many callers that find out, the first one counts."""
        if self.is_current(session):
            self._session = None
            self._is_open.clear()
            self._board.session(is_open=False)
            self._end_error = error
            self._has_ended.set()
