"""What ``sync()`` costs with many jobs that run as they should. Measured and printed; judged by people."""

from __future__ import annotations

import time
from statistics import median
from uuid import uuid4

import pytest
from airflow import settings
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import event, insert, select, text

from airflow_plugin.executor import AgentExecutor
from airflow_plugin.models import JobRow
from tests.support.scheduling_bed import SchedulingBed

ROUNDS = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [100, 2_000, 10_000])
def test_sync_with_many_running_jobs(bed: SchedulingBed, count: int, record_property, capsys):
    executor = running_jobs(bed, count)
    assert settings.engine is not None
    statements: list[str] = []
    event.listen(settings.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    reconciling = [took(bed, executor, 3.0) for _ in range(ROUNDS)]
    per_turn = len(statements) / ROUNDS
    idle = [took(bed, executor, 0.5) for _ in range(ROUNDS)]

    assert executor.event_buffer == {}
    kind = settings.engine.dialect.name
    with capsys.disabled():
        print(
            f"\nsync(), {kind}, {count} running jobs: {median(idle) * 1000:.1f} ms; with a reconciliation "
            f"{median(reconciling) * 1000:.1f} ms (longest {max(reconciling) * 1000:.1f}), {per_turn:.1f} statements"
        )
    record_property(f"sync_ms_{kind}_{count}", round(median(reconciling) * 1000, 2))


def took(bed: SchedulingBed, executor: AgentExecutor, seconds: float) -> float:
    bed.clock.pass_by(seconds)
    start = time.perf_counter()
    executor.sync()
    return time.perf_counter() - start


def running_jobs(bed: SchedulingBed, count: int) -> AgentExecutor:
    """Make so many mapped task instances that run, and jobs of an executor that holds them all."""
    (first,) = bed.dag_run()
    executor = bed.scheduler(parallelism=count + 1)
    bed.queue(executor, first)
    bed.start()
    bed.set(first, TaskInstanceState.RUNNING)
    with bed.session() as session:
        instances, jobs = TaskInstance.metadata.tables["task_instance"], JobRow.metadata.tables["edge_agent_job"]
        ti = session.execute(select(instances)).mappings().one()
        job = session.execute(select(jobs)).mappings().one()
        ids = [uuid4() for _ in range(count - 1)]
        more = [dict(ti) | {"id": each, "map_index": number} for number, each in enumerate(ids)]
        session.execute(insert(instances), more)
        session.execute(
            insert(jobs),
            [
                dict(job) | {"id": uuid4(), "workload_id": each, "map_index": number, "assignment_id": uuid4()}
                for number, each in enumerate(ids)
            ],
        )
    with bed.session() as session:
        session.execute(text("ANALYZE"))
        tis = list(session.scalars(select(TaskInstance)))
        assert list(executor.try_adopt_task_instances(tis)) == []
    assert executor.slots_occupied == count
    return executor
