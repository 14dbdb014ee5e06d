"""From offers to running jobs: attempt directories first, then one confirm for all, then the starts.

What if it dies here? Until the confirm nobody but us knows of the offer, and it expires. After it the
directory without a claim proves that nothing was started. From the confirm's first try on, beats say that the job is
held: however late the answer is, nobody else gets the job meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from edge_agent.assignment import Assignment
from edge_agent.attempt_dir import AttemptDir
from edge_agent.client import QueueClient
from edge_agent.errors import CannotStart, QueueApiError, SessionEnded, Superseded, Unauthenticated
from edge_agent.holdings import Holdings
from edge_agent.means import Means
from edge_agent.protocol import Confirm, ConfirmAnswer, Confirmed, Offer, RunnerName, ServerKey, Session, metrics
from edge_agent.retry import CONFIRM
from edge_agent.server_keys import ServerKeys
from edge_agent.sessions import Sessions
from edge_agent.state_dir import StateDir

logger = logging.getLogger(__name__)


class Intake:
    """Takes offers. ``is_fit``: whether the disk takes attempt directories; if not, no work is asked for."""

    def __init__(
        self,
        sessions: Sessions,
        client: QueueClient,
        holdings: Holdings,
        state_dir: StateDir,
        means: Means,
        *,
        server_keys: ServerKeys,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._holdings = holdings
        self._state_dir = state_dir
        self._means = means
        self._server_keys = server_keys
        self.is_fit = True

    async def meet(self, server_keys: Sequence[ServerKey]) -> None:
        """Learn what the server signs with by now, as sessions outlive its keys.

        :raises ForeignServer: when it is another server.
        """
        await asyncio.to_thread(self._server_keys.meet, server_keys)

    def take(self, offers: Sequence[Offer]) -> None:
        """Take offers in hands: from now on they need slots, and are confirmed in the background."""
        signed = {offer.assignment_id: offer for offer in offers if offer.assignment_id not in self._holdings}
        taken = [self._assignment(offer) for offer in signed.values()]
        for assignment in taken:
            self._holdings.add(assignment)
        self._means.counts.add(metrics.OFFERS, by=len(taken))
        if taken:
            self._means.spawn(self._take(taken, signed))

    async def look_at_disk(self) -> None:
        """Try again whether the disk takes attempt directories, if it did not the last time."""
        if self.is_fit:
            return
        try:
            await asyncio.to_thread(self._state_dir.probe)
        except OSError:
            return
        self.is_fit = True
        logger.info("The state directory can be written again; taking work.", extra={"event": "disk_fit"})

    def _assignment(self, offer: Offer) -> Assignment:
        attempt = AttemptDir(self._state_dir.attempts / str(offer.assignment_id))
        if offer.runner is RunnerName.DEFAULT:  # decided once: the next agent may have another default
            offer = offer.model_copy(update={"runner": self._means.default_runner})
        return Assignment(attempt, offer, self._means)

    async def _take(self, taken: list[Assignment], signed: Mapping[UUID, Offer]) -> None:
        written = [assignment for assignment in taken if await self._write(assignment)]
        if not written:
            return
        async with self._sessions.held_open() as session:
            answer = await self._confirm(session, written)
            if answer is None:
                return
            confirmed = {each.assignment_id: each for each in answer.confirmed}
            for assignment in written:
                if permission := confirmed.get(assignment.id):
                    assignment.confirmed()
                    self._means.counts.add(metrics.CONFIRMS, "confirmed")
                    self._holdings.see_to(assignment, self._begin(assignment, signed[assignment.id], permission))
                else:
                    self._means.counts.add(metrics.CONFIRMS, "withdrawn")
                    await self._withdraw(assignment)

    async def _begin(self, assignment: Assignment, offer: Offer, confirmed: Confirmed) -> None:
        """Start a job if it is what the server has queued, else refuse it."""
        try:
            self._refuse_repeats(assignment)
            payload = await asyncio.to_thread(self._server_keys.opened, offer, confirmed)
        except CannotStart as error:
            await assignment.refuse(error)
        else:
            await assignment.carry_out(payload)

    def _refuse_repeats(self, assignment: Assignment) -> None:
        """Refuse a job that has run here: the server never offers one again by itself.

        :raises CannotStart: when it has, or does.
        """
        job_id = assignment.offer.job_id
        if job_id in self._means.ended or self._holdings.has_another(assignment):
            msg = (
                "It has run here already. Whoever has put it back into the queue has changed Airflow's database, or "
                "restored an older one. If it is to run again, queue it again: clear the task."
            )
            raise CannotStart(msg)

    async def _write(self, assignment: Assignment) -> bool:
        """Write the attempt directory; without one nothing may be confirmed, and the offer expires."""
        offer = assignment.offer
        try:
            await asyncio.to_thread(
                AttemptDir.create,
                self._state_dir.attempts,
                offer.assignment_id,
                offer.model_dump(mode="json"),
            )
        except OSError as error:
            self.is_fit = False
            logger.error(  # noqa: TRY400  the traceback says nothing the sentence does not
                "The disk takes no new work (%s); asking for none until it does. Free space on %s.",
                error.strerror or error,
                self._state_dir.path,
                extra={"event": "disk_unfit", "assignment_id": offer.assignment_id, "job_id": offer.job_id},
            )
            await self._withdraw(assignment)
            return False
        return True

    async def _confirm(self, session: Session, written: list[Assignment]) -> ConfirmAnswer | None:
        """Ask until there is an answer: only the server knows whether an earlier confirm arrived."""
        confirm = Confirm(assignments=tuple(assignment.id for assignment in written))
        for assignment in written:
            assignment.is_confirming = True
        try:
            with suppress(SessionEnded, Superseded, Unauthenticated):
                answer = await self._sessions.ask_in(session, CONFIRM, lambda it: self._client.confirm(it, confirm))
                if self._sessions.is_current(session):
                    return answer
        except QueueApiError as error:
            logger.error(  # noqa: TRY400  the same
                "The server refused to confirm %d offers, which expire: %s",
                len(written),
                error,
                extra={"event": "confirm_refused"},
            )
            for assignment in written:
                await self._withdraw(assignment)
            return None
        # What was confirmed in a session that is over, nobody will tell any more; or the answer was late, and the job
        # may be another's by now. Nothing was started: say so.
        for assignment in written:
            assignment.is_confirming, assignment.never_started = False, True
        return None

    async def _withdraw(self, assignment: Assignment) -> None:
        await asyncio.to_thread(assignment.attempt.remove)
        self._holdings.forget(assignment)
