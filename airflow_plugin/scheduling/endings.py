"""What the scheduler is told of jobs that ended, and whether it has to be told at all.

What if it dies here? An event lives in memory until the scheduler acts on it, and the scheduler may skip a
locked task instance or die. So a job stays unsettled until its task instance shows that the end is
known; until then the reconciliation brings it here again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.models.connection_test import ACTIVE_STATES, ConnectionTestRequest, ConnectionTestState

from airflow_plugin.queue import jobs, ownership
from airflow_plugin.queue.standing import (
    CALLBACK,
    CONNECTION_TEST,
    TASK,
    Standing,
    Verdict,
    verdicts,
    workload_of,
)
from airflow_plugin.queue.wording import how_it_ended
from airflow_plugin.scheduling.owners import Owner
from airflow_plugin.scheduling.workloads import Key, UnknownWorkloadError, key_of
from edge_agent.protocol import JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
LONGEST_PATIENCE_SECONDS = 300.0


class Event(StrEnum):
    """What the scheduler may be told."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    NOTHING = "nothing"
    """Only the slot is free again: Airflow knows, or does not want to."""


@dataclass(frozen=True)
class Notice:
    """One thing to tell the scheduler once the transaction that found it has been committed.

    ``is_last``: whether the workload is let go of with it. One that has no job, to be looked at again by, is not
    let go of before Airflow has acted.
    """

    job_id: UUID
    key: Key
    event: Event
    info: str
    is_last: bool = True


class Endings:
    """Judges jobs that took a step. Remembers what it told, so that it is not told again every second."""

    def __init__(self, owner: Owner, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._owner = owner
        self._monotonic = monotonic
        self._told: dict[UUID, tuple[float, float]] = {}

    def is_due(self, job_id: UUID) -> bool:
        """Whether the scheduler has had its time with what it was told of this job."""
        told = self._told.get(job_id)
        return told is None or self._monotonic() >= told[0] + told[1]

    def forget_old(self) -> None:
        """Forget jobs that another scheduler has taken over since."""
        recent = self._monotonic() - 2 * LONGEST_PATIENCE_SECONDS
        self._told = {job_id: told for job_id, told in self._told.items() if told[0] > recent}

    def judge(self, session: Session, rows: Iterable[Any]) -> list[Notice]:
        """Return what to tell of these jobs; settle those whose end Airflow knows or does not care for."""
        rows = list(rows)
        known = verdicts(session, filter(None, map(workload_of, rows)))
        notices, settled = [], []
        for row in rows:
            try:
                verdict = known.get(row.workload_id, Verdict(Standing.GONE))
                notice, is_settled = self._judge_one(session, row, verdict)
            except UnknownWorkloadError:
                # One row of a newer release must not keep the others from being told.
                log.exception("Job %s cannot be told of to the scheduler; it is left to the purge", row.id)
                notice, is_settled = None, row.ended_at is not None
            if notice is not None:
                notices.append(notice)
            if is_settled:
                settled.append(row.id)
                self._told.pop(row.id, None)
        jobs.settle(session, settled)
        return notices

    def _judge_one(self, session: Session, row: Any, verdict: Verdict) -> tuple[Notice | None, bool]:
        workload = workload_of(row)
        if workload is None:
            msg = "the job is about no workload, and has an owner"
            raise UnknownWorkloadError(msg)
        key = key_of(workload)
        if row.ended_at is None:
            starts = row.state == JobState.RUNNING and workload.type == CALLBACK
            return (Notice(row.id, key, Event.RUNNING, how_it_ended(row)) if starts else None), False
        if workload.type == CONNECTION_TEST and row.state != JobState.SUCCEEDED:
            fail_connection_test(session, workload.id, how_it_ended(row))
        if not verdict.standing.awaits_end:
            # Of what is finished the scheduler only writes a line to its log. In any other state a
            # late event could hit the execution after this one: a rescheduled task has the same key.
            told = verdict.standing is Standing.FINISHED and workload.type == TASK
            return Notice(row.id, key, _event(row, verdict) if told else Event.NOTHING, how_it_ended(row)), True
        if verdict.scheduler is not None and self._owner.scheduler not in (None, verdict.scheduler):
            heir = self._owner.of(verdict.scheduler)
            ownership.take_over(session, [row.id], since=row.owner, to=str(heir))
            return Notice(row.id, key, Event.NOTHING, f"handed over to scheduler {verdict.scheduler}"), False
        self._remember(row.id)
        # A connection test's end is reported by the test itself, and the scheduler only drains the event.
        return Notice(row.id, key, _event(row, verdict), how_it_ended(row)), workload.type == CONNECTION_TEST

    def _remember(self, job_id: UUID) -> None:
        _, patience = self._told.get(job_id, (0.0, PATIENCE_SECONDS / 2))
        self._told[job_id] = self._monotonic(), min(patience * 2, LONGEST_PATIENCE_SECONDS)


def _event(row: Any, verdict: Verdict) -> Event:
    if verdict.standing is Standing.RESTARTING:
        return Event.SUCCESS  # However it ended: the user wants it to run anew, at once.
    return Event.SUCCESS if row.state == JobState.SUCCEEDED else Event.FAILED


def fail_connection_test(session: Session, test_id: UUID, message: str) -> None:
    """Say in a connection test why it will not end, unless it has; without this its user waits for the reaper."""
    request = session.get(ConnectionTestRequest, test_id, with_for_update=True)
    if request is not None and request.state in ACTIVE_STATES:
        request.state = ConnectionTestState.FAILED
        request.result_message = message[:2000]
