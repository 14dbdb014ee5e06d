"""Gets running tasks new execution tokens: looks for the marks they leave, and asks for all of them at once.

Nothing is asked while there is no mark. The loop looks at adopted assignments like at any other, so that a
mark left while no agent was there is found by the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from edge_agent.assignment import Assignment, Stage
from edge_agent.client import QueueClient
from edge_agent.errors import QueueApiError
from edge_agent.fresh_token import FreshToken
from edge_agent.holdings import Holdings
from edge_agent.protocol import MAX_BATCH, Renew, RenewAnswer, Session
from edge_agent.retry import RENEW
from edge_agent.sessions import Sessions
from edge_agent.status.board import StatusBoard

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often marks are looked for: shorter than the pause between two heartbeats of a task (5 s), so that one
that was refused is followed by one that is not."""

REFUSED_SECONDS = 60.0
"""How long to wait after the server refused the question itself: a defect of one side."""


class Renewal:
    """The one loop that renews tokens."""

    def __init__(
        self,
        sessions: Sessions,
        client: QueueClient,
        holdings: Holdings,
        board: StatusBoard,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._holdings = holdings
        self._board = board
        self._sleep = sleep

    async def run(self) -> None:
        """Look for marks for ever."""
        while True:
            what = "waiting for a task that wants a token"
            self._board.doing("renewal", what, within_seconds=LOOK_SECONDS)
            await self._sleep(LOOK_SECONDS)
            if wanting := self._wanting():
                await self._renew(wanting)

    def _wanting(self) -> list[Assignment]:
        """Return the running assignments that have left a mark, as many as one message holds."""
        most = min(MAX_BATCH, self._sessions.latest.limits.batch) if self._sessions.latest else MAX_BATCH
        running = self._holdings.at(Stage.RUNNING)
        return [each for each in running if FreshToken(each.attempt).is_wanted()][:most]

    async def _renew(self, wanting: Sequence[Assignment]) -> None:
        renew = Renew(assignments=tuple(each.id for each in wanting))

        async def once(session: Session) -> RenewAnswer:
            what = f"asking for {len(wanting)} tokens"
            self._board.doing("renewal", what, within_seconds=RENEW.longest_seconds, asks=True)
            return await self._client.renew(session, renew)

        self._board.doing("renewal", "waiting to ask for tokens", asks=True)
        try:
            answer = await self._sessions.ask(RENEW, once)
        except QueueApiError as error:
            logger.error(  # noqa: TRY400  the traceback says nothing the sentence does not
                "The server did not renew the tokens of %d tasks; asking again in %.0f s: %s",
                len(wanting),
                REFUSED_SECONDS,
                error,
                extra={"event": "renewal_refused"},
            )
            self._board.doing("renewal", "waiting after a refusal", within_seconds=REFUSED_SECONDS)
            await self._sleep(REFUSED_SECONDS)
            return
        tokens = {each.assignment_id: each.token for each in answer.renewed}
        refusals = {each.assignment_id: each.message for each in answer.refused}
        for assignment in wanting:
            if assignment.id in tokens or assignment.id in refusals:
                await self._hand_over(assignment, tokens.get(assignment.id), refusals.get(assignment.id))

    async def _hand_over(self, assignment: Assignment, token: str | None, refusal: str | None) -> None:
        fresh = FreshToken(assignment.attempt)
        try:
            if token is not None:
                await asyncio.to_thread(fresh.put, token)
            else:
                await asyncio.to_thread(fresh.refuse, refusal or "")
        except OSError as error:  # a full disk, or the attempt was dropped meanwhile: the mark tells
            self._note(assignment, "token_unwritten", "Could not hand %s a new token: %s", error.strerror or error)
            return
        if assignment.stage is not Stage.RUNNING:
            fresh.forget()  # it ended meanwhile, and its report may have to wait for hours
        elif token is not None:
            self._note(assignment, "token_renewed", "Renewed the token of %s.")
        else:
            self._note(assignment, "token_refused", "The server has no new token for %s: %s", refusal)

    @staticmethod
    def _note(assignment: Assignment, event: str, sentence: str, *args: object) -> None:
        logger.info(
            sentence,
            assignment.offer.label,
            *args,
            extra={"event": event, "assignment_id": assignment.id, "job_id": assignment.offer.job_id},
        )
