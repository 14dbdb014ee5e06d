"""Jobs whose scheduler is gone: given to the one that takes its task instances, or to whoever finds them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.utils.state import TaskInstanceState
from sqlalchemy import tuple_

from airflow_plugin import clock
from airflow_plugin.models import JobRow
from airflow_plugin.queue import ownership
from airflow_plugin.queue.standing import GONE, TASK, verdicts, workload_of
from airflow_plugin.scheduling.owners import Owner, alive, read_owner

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

ORPHANS = 1000
FORGOTTEN_SECONDS = 86_400


def adopt(session: Session, tis: Sequence[TaskInstance], owner: Owner) -> tuple[list[Any], list[TaskInstance]]:
    """Take over the current jobs of these task instances, ended ones too: their end was not heard yet.

    A task instance that was cleared while it ran has a new id; its job is found by its key.

    :returns: the jobs, and the task instances that have none and must be queued anew.
    """
    by_id = JobRow.workload_id.in_([ti.id for ti in tis])
    found = {row.workload_id: row for row in ownership.unsettled_of(session, by_id)}
    cleared = [ti for ti in tis if ti.id not in found and ti.state == TaskInstanceState.RESTARTING]
    by_key = _running_before(session, cleared) if cleared else {}
    jobs, without = [], []
    for ti in tis:
        job = found.get(ti.id) or by_key.get((ti.dag_id, ti.run_id, ti.task_id, ti.map_index))
        if job is None:
            without.append(ti)
        else:
            jobs.append(job)
    _take(session, jobs, str(owner))
    return jobs, without


def _running_before(session: Session, cleared: Sequence[TaskInstance]) -> dict[Any, Any]:
    keys = [(ti.dag_id, ti.run_id, ti.task_id, ti.map_index) for ti in cleared]
    key = tuple_(JobRow.dag_id, JobRow.run_id, JobRow.task_id, JobRow.map_index)
    rows = ownership.unsettled_of(session, key.in_(keys))
    latest = sorted(rows, key=lambda row: row.try_number or 0)
    return {(row.dag_id, row.run_id, row.task_id, row.map_index): row for row in latest}


def _take(session: Session, jobs: Sequence[Any], to: str) -> None:
    by_owner: dict[str, list[UUID]] = {}
    for job in jobs:
        by_owner.setdefault(job.owner, []).append(job.id)
    for since, ids in by_owner.items():
        ownership.take_over(session, ids, since=since, to=to)


def take_orphans(session: Session, owner: Owner) -> int:
    """Take over what Airflow's own adoption leaves behind; return how many jobs.

    Airflow adopts task instances that wait for an end, of Dag runs that run. Callbacks and
    connection tests, and jobs of tasks nobody waits for any more, would keep their dead owner for ever.
    """
    others = [read_owner(text) for text in ownership.owners(session)]
    for each in others:
        if each.scheduler is None and each.process != owner.process:
            old = JobRow.ended_at < clock.in_seconds(-FORGOTTEN_SECONDS)
            ownership.disown(session, str(each), old)
    schedulers = {each.scheduler for each in others if each.scheduler is not None and each.team == owner.team}
    living = alive(session, schedulers) if schedulers - {owner.scheduler} else schedulers
    dead = sorted(schedulers - living - {owner.scheduler})
    return sum(_take_from(session, owner.of(scheduler), owner) for scheduler in dead)


def _take_from(session: Session, dead: Owner, owner: Owner) -> int:
    rows = ownership.unsettled_of(session, JobRow.owner == str(dead), ORPHANS)
    known = verdicts(session, filter(None, map(workload_of, rows)))
    mine: list[Any] = []
    heirs: dict[str, list[Any]] = {}
    for row in rows:
        verdict = known.get(row.workload_id, GONE)
        if row.workload_type != TASK or not verdict.standing.awaits_end:
            mine.append(row)
        elif verdict.scheduler not in (None, dead.scheduler):
            heirs.setdefault(str(owner.of(verdict.scheduler)), []).append(row)
    _take(session, mine, str(owner))
    for heir, theirs in heirs.items():
        _take(session, theirs, heir)
    if count := len(mine) + sum(len(theirs) for theirs in heirs.values()):
        log.info("Took over %d jobs of scheduler %s, which is gone", count, dead.scheduler)
    return count
