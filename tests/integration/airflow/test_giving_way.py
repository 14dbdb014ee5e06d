"""A scheduler whose statements the database rolls back so that somebody else's go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select, text

from airflow_plugin.models import JobRow
from edge_agent.protocol import JobState
from tests.support.scheduling_bed import SchedulingBed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postgres


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """Give Postgres alone: SQLite locks no rows."""
    return postgres_url


def test_a_workload_that_gave_way_to_another_transaction_is_queued_after_the_schedulers(bed: SchedulingBed):
    """An agent's report holds the second job and waits for the first, which the scheduler has superseded just now."""
    first, second = bed.dag_run("first", "second")
    executor = bed.scheduler()
    bed.queue(executor, first, second)
    before = {job.workload_id: job.id for job in bed.jobs()}
    bed.start()
    for ti in (first, second):
        bed.set(ti, TaskInstanceState.SCHEDULED, next_method="execute_complete")
    with ThreadPoolExecutor(1) as thread, bed.session() as report:
        # Of two who wait for each other, the one whose patience ends first is rolled back.
        report.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        take = select(JobRow.id).with_for_update()
        report.execute(take.where(JobRow.id == before[second]))
        me = report.scalar(select(func.pg_backend_pid()))
        with create_session() as session:
            bed.queue_in(session, executor, first)
            waits = thread.submit(report.execute, take.where(JobRow.id == before[first]))
            wait_until(lambda: _is_blocked(bed, me), what="the report waits for the scheduler")
            bed.queue_in(session, executor, second)
            assert not waits.done()
        waits.result()

    assert bed.heartbeat(executor) == {}

    current = {job.workload_id: job.state for job in bed.jobs() if job.owner is not None}
    assert current == {first: JobState.QUEUED, second: JobState.QUEUED}
    assert len(bed.jobs()) == 4
    assert (bed.state(first), bed.state(second)) == (TaskInstanceState.QUEUED, TaskInstanceState.QUEUED)


def _is_blocked(bed: SchedulingBed, backend: int | None) -> bool:
    with bed.session() as session:
        blockers = session.scalar(select(func.cardinality(func.pg_blocking_pids(backend))))
        return bool(blockers)
