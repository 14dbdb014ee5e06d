"""Reports how assignments ended: in batches, in order, each until the server has taken or refused it.

What if it dies here? An ending is made from the attempt directory, which stays until the server has
answered. The next agent makes the same ending again, and the same report again is accepted again.
"""

from __future__ import annotations

import asyncio
import logging

from edge_agent.client import QueueClient
from edge_agent.errors import QueueApiError
from edge_agent.protocol import MAX_BATCH, Ending, Refused, Report, ReportAnswer, Session
from edge_agent.retry import REPORT
from edge_agent.sessions import Sessions
from edge_agent.status.board import StatusBoard

logger = logging.getLogger(__name__)

UNREADABLE_SECONDS = 60.0
"""How long a single ending waits that the server called invalid. It is a defect of one side, and an
upgrade may mend it: the ending is kept until then."""


class _Waiting:
    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.answered: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()

    def resolve(self, refused: Refused | None) -> None:
        if not self.answered.done():  # Who waited for it may have been told to drop it meanwhile.
            self.answered.set_result(refused)


class Reporting:
    """The one loop that reports."""

    def __init__(
        self,
        sessions: Sessions,
        client: QueueClient,
        board: StatusBoard,
        *,
        unreadable_seconds: float = UNREADABLE_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._board = board
        self._unreadable_seconds = unreadable_seconds
        self._waiting: list[_Waiting] = []
        self._more = asyncio.Event()
        self._one_by_one = 0
        self.waiting = 0
        """How many endings the server has not answered yet."""

    async def deliver(self, ending: Ending) -> Refused | None:
        """Report an ending, however long it takes; return the refusal if it was not taken."""
        waiting = _Waiting(ending)
        self._put(waiting)
        self.waiting += 1
        try:
            return await waiting.answered
        finally:
            self.waiting -= 1

    async def run(self) -> None:
        """Report for ever."""
        while True:
            self._board.doing("reporting", "waiting for a job to end")
            await self._more.wait()
            await self._sessions.current()
            if batch := self._next_batch():
                await self._report(batch)

    def _put(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._more.set()

    def _next_batch(self) -> list[_Waiting]:
        """Take the oldest endings that somebody still waits for."""
        most = min(MAX_BATCH, self._sessions.latest.limits.batch) if self._sessions.latest else MAX_BATCH
        if self._one_by_one:
            self._one_by_one -= 1
            most = 1
        waiting = [each for each in self._waiting if not each.answered.done()]
        batch, self._waiting = waiting[:most], waiting[most:]
        if not self._waiting:
            self._more.clear()
        return batch

    async def _report(self, batch: list[_Waiting]) -> None:
        report = Report(endings=tuple(each.ending for each in batch))

        async def once(session: Session) -> ReportAnswer:
            what = f"reporting {len(batch)} endings"
            self._board.doing("reporting", what, within_seconds=REPORT.longest_seconds, asks=True)
            return await self._client.report(session, report)

        try:
            answer = await self._sessions.ask(REPORT, once)
        except QueueApiError as error:
            self._isolate(batch, error)
            return
        refused = {each.assignment_id: each for each in answer.refused}
        for each in batch:
            if each.ending.assignment_id in {*answer.accepted, *refused}:
                each.resolve(refused.get(each.ending.assignment_id))
            else:
                self._keep(each, "it did not say whether it took it")

    def _isolate(self, batch: list[_Waiting], error: QueueApiError) -> None:
        """Find the ending that the server cannot read, so that it holds up no other."""
        if len(batch) == 1:
            self._keep(batch[0], str(error))
            return
        self._one_by_one = len(batch)
        self._waiting = batch + self._waiting
        self._more.set()

    def _keep(self, waiting: _Waiting, why: str) -> None:
        logger.error(
            "The server did not take the report of an ending, which is kept and repeated every %.0f s: %s",
            self._unreadable_seconds,
            why,
            extra={"event": "report_unreadable", "assignment_id": waiting.ending.assignment_id},
        )
        asyncio.get_running_loop().call_later(self._unreadable_seconds, self._put, waiting)
