"""Mends what differs between jobs and what Airflow makes of them, a bounded slice at a time.

It is how a job learns that its task was cleared, marked or deleted: Airflow tells executors nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_plugin.queue import jobs, ownership, reconciliation
from airflow_plugin.queue.standing import GONE, Standing, Verdict, verdicts, workload_of
from airflow_plugin.scheduling.adoption import take_orphans
from airflow_plugin.scheduling.endings import Endings, Event, Notice
from airflow_plugin.scheduling.owners import Owner
from airflow_plugin.scheduling.tracking import Held, Tracker
from edge_agent.protocol import JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

SLICE = 1000
CHECKED = 200
SUPERSEDED = 500
ORPHAN_SECONDS = 30.0

WHY = {
    Standing.RUNNING: "Its task instance runs elsewhere.",
    Standing.RESTARTING: "Its task instance was cleared.",
    Standing.FINISHED: "Airflow has ended its task instance: a user marked it, or its Dag run ended.",
    Standing.OVER: "Airflow waits for nothing from it any more: its task instance was cleared, or goes on later.",
    Standing.GONE: "Its task instance was deleted.",
}


class Reconciler:
    """Walks the unsettled jobs of one executor.

    ``grace_seconds``: how long a process may go on after its task instance has its end. A task that
    ends well still runs callbacks and listeners then, and is not to be cut short.
    """

    def __init__(
        self,
        owner: Owner,
        endings: Endings,
        tracker: Tracker,
        *,
        grace_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owner = owner
        self._endings = endings
        self._tracker = tracker
        self._grace_seconds = grace_seconds
        self._monotonic = monotonic
        self._after: UUID | None = None
        self._unwanted_since: dict[UUID, float] = {}
        self._next_orphans = 0.0

    def run(self, session: Session) -> list[Notice]:
        """Do one slice; return what the scheduler must be told. The caller commits first."""
        part = reconciliation.suspects(session, str(self._owner), self._after, SLICE)
        self._after = part.after
        ended = [row for row in part.suspects if row.ended_at is not None and self._endings.is_due(row.id)]
        notices = self._endings.judge(session, ended) if ended else []
        self._withdraw(session, [row for row in part.suspects if row.ended_at is None])
        self._end_superseded(session)
        if self._monotonic() >= self._next_orphans:
            self._next_orphans = self._monotonic() + ORPHAN_SECONDS
            take_orphans(session, self._owner)
            self._forget_old()
        return notices + self._missing(session)

    def _withdraw(self, session: Session, rows: Iterable[Any]) -> None:
        """Cancel open jobs that nobody waits for: at once where nothing can be cut short, else after the grace."""
        rows = list(rows)
        known = verdicts(session, filter(None, map(workload_of, rows)))
        unwanted: dict[Standing, list[UUID]] = {}
        for row in rows:
            standing = known.get(row.workload_id, GONE).standing
            if self._is_unwanted(row, standing):
                unwanted.setdefault(standing, []).append(row.id)
        for standing, ids in unwanted.items():
            log.info("Cancelling %d jobs: %s", len(ids), WHY[standing])
            jobs.cancel(session, ids, WHY[standing])

    def _is_unwanted(self, row: Any, standing: Standing) -> bool:
        if standing is Standing.QUEUED:
            return False
        if row.state != JobState.RUNNING:
            return True
        if standing is Standing.RUNNING:
            return False
        return standing in {Standing.RESTARTING, Standing.GONE} or self._grace_is_over(row.id)

    def _grace_is_over(self, job_id: UUID) -> bool:
        since = self._unwanted_since.setdefault(job_id, self._monotonic())
        return self._monotonic() - since >= self._grace_seconds

    def _end_superseded(self, session: Session) -> None:
        open_ones = ownership.superseded(session, SUPERSEDED)
        if late := [job_id for job_id in open_ones if self._grace_is_over(job_id)]:
            jobs.cancel(session, late, "Airflow has queued its task instance anew.")

    def _missing(self, session: Session) -> list[Notice]:
        """Let go of workloads whose job is not in the table, because the scheduler's transaction was rolled back.

        Should Airflow wait for one of them all the same, it is told that nothing will come.
        """
        checked = self._tracker.next_to_check(CHECKED)
        if not checked:
            return []
        present = ownership.present(session, str(self._owner), [held.job_id for held in checked])
        missing = [held for held in checked if held.job_id not in present]
        known = verdicts(session, [held.workload for held in missing])
        return [self._of_missing(held, known.get(held.workload.id, GONE)) for held in missing]

    def _of_missing(self, held: Held, verdict: Verdict) -> Notice:
        if verdict.standing is not Standing.QUEUED or verdict.scheduler not in (None, self._owner.scheduler):
            return Notice(held.job_id, held.key, Event.NOTHING, "was never queued, or is another scheduler's now")
        info = "its job is not in the queue of the edge agents; the scheduler's log says more"
        return Notice(held.job_id, held.key, Event.FAILED, info, is_last=False)

    def _forget_old(self) -> None:
        self._endings.forget_old()
        recent = self._monotonic() - 10 * self._grace_seconds
        self._unwanted_since = {key: since for key, since in self._unwanted_since.items() if since > recent}
