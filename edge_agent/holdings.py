"""What this agent has in hands, and the slots it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any
from uuid import UUID

from edge_agent.assignment import Assignment, Stage
from edge_agent.means import Spawn
from edge_agent.progress import End
from edge_agent.spooled_log import SpooledLog

logger = logging.getLogger(__name__)


class Holdings:
    """All assignments of this agent.

    ``slots``: how many there are, which the server may change. ``spawn``: starts a task whose failure ends
    the agent.
    """

    def __init__(self, slots: int, spawn: Spawn) -> None:
        self.slots = slots
        self._spawn = spawn
        self._assignments: dict[UUID, Assignment] = {}
        self._changed = asyncio.Event()
        self._dropping: dict[UUID, asyncio.Task[None]] = {}

    def __contains__(self, assignment_id: UUID) -> bool:
        return assignment_id in self._assignments

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to see to."""
        return not self._assignments

    @property
    def free_slots(self) -> int:
        """How many slots nothing takes: what is offered and not confirmed yet takes some, too."""
        return max(0, self.slots - sum(each.offer.slots for each in self._busy()))

    @property
    def running(self) -> int:
        """How many assignments have a process, or are about to."""
        return sum(each.stage in (Stage.STARTING, Stage.RUNNING) for each in self._assignments.values())

    def at(self, stage: Stage) -> list[Assignment]:
        """Return the assignments that stand there."""
        return [each for each in self._assignments.values() if each.stage is stage]

    def has_another(self, assignment: Assignment) -> bool:
        """Whether another assignment of the same job has been started here."""
        started = (each for each in self._assignments.values() if each.stage is not Stage.OFFERED)
        job_id = assignment.offer.job_id
        return any(each.offer.job_id == job_id and not each.never_started for each in started if each is not assignment)

    def held(self) -> tuple[UUID, ...]:
        """Return what lives here, its report not accepted yet: confirmed, or being confirmed.

        What the server has confirmed and does not hear of is put back into its queue. The answer that says so may
        take longer than that, and whoever was asked meanwhile would start the job a second time.
        """
        here = self._assignments.values()
        return tuple(each.id for each in here if each.is_confirming or each.stage is not Stage.OFFERED)

    def never_started(self) -> tuple[UUID, ...]:
        """Return what may have been confirmed, and was never started."""
        return tuple(each.id for each in self._assignments.values() if each.never_started)

    def logs(self) -> list[SpooledLog]:
        """Return the logs that lie here."""
        return [each.log for each in self._assignments.values() if each.log is not None]

    def all(self) -> list[Assignment]:
        """Return all assignments."""
        return list(self._assignments.values())

    def add(self, assignment: Assignment) -> None:
        """Take an assignment in hands."""
        self._assignments[assignment.id] = assignment
        self.changed()

    def forget(self, assignment: Assignment) -> None:
        """Let go of an assignment. One that is not held is no error: it was dropped meanwhile."""
        self._assignments.pop(assignment.id, None)
        self.changed()

    def see_to(self, assignment: Assignment, work: Coroutine[Any, Any, None]) -> None:
        """Carry an assignment out in a task of its own, and let go of it when it is done."""
        assignment.work = self._spawn(self._see_to(assignment, work))

    def end(self, assignment_ids: Iterable[UUID]) -> None:
        """End these because the server asks for it; their ends are reported. Unknown ones are no error."""
        for assignment_id in assignment_ids:
            if assignment := self._assignments.get(assignment_id):
                assignment.end("cancel")

    def end_all(self, why: End) -> None:
        """End everything that runs; the ends are reported."""
        for assignment in list(self._assignments.values()):
            assignment.end(why)

    def drop(self, assignment_ids: Iterable[UUID]) -> list[asyncio.Task[None]]:
        """End these and forget them without a report; return the tasks that do, one each.

        When they are done nothing of the assignments runs any more. Unknown ids are no error, nor are those that have
        ended, or are being confirmed: a beat may have crossed their report or confirm, whose answer says what becomes
        of them.
        """
        known = [self._assignments[each] for each in assignment_ids if each in self._assignments]
        theirs = [assignment for assignment in known if assignment.stage in (Stage.STARTING, Stage.RUNNING)]
        for assignment in theirs:
            if assignment.id not in self._dropping:
                self._dropping[assignment.id] = self._spawn(self._drop(assignment))
        return [self._dropping[assignment.id] for assignment in theirs]

    async def discard(self, assignment_ids: Iterable[UUID]) -> None:
        """Forget what never started and was declared so; remove its directories."""
        for assignment in [self._assignments[each] for each in assignment_ids if each in self._assignments]:
            await asyncio.to_thread(assignment.attempt.remove)
            self.forget(assignment)

    def changed(self) -> None:
        """Say that an assignment came, went, or moved on."""
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return when something has changed after this was called."""
        self._changed.clear()
        await self._changed.wait()

    def _busy(self) -> list[Assignment]:
        return [each for each in self._assignments.values() if each.stage is not Stage.ENDED]

    async def _see_to(self, assignment: Assignment, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # the outer edge of one assignment: the others must not suffer for it
            logger.exception(
                "The agent cannot look after %s; it is ended and reported as failed.",
                assignment.offer.label,
                extra={"event": "assignment_unattended", "assignment_id": assignment.id},
            )
            await assignment.give_up(error)
        self.forget(assignment)

    async def _drop(self, assignment: Assignment) -> None:
        await assignment.drop()
        self.forget(assignment)
        del self._dropping[assignment.id]
