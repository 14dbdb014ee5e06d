"""What the executor and the upload ask often never walks the whole table of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from airflow import settings
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from airflow_plugin.models import JOBS, JobRow
from airflow_plugin.queue import jobs, ownership, reconciliation, uploads
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on

ROWS = 50_000
OWNER = "1"
SOME = [UUID(int=number) for number in range(200)]

STATEMENTS: dict[str, Callable[[Session], Any]] = {
    "hear": lambda db: jobs.hear(db, OWNER),
    "suspects": lambda db: reconciliation.suspects(db, OWNER, None, 1000),
    "the next suspects": lambda db: reconciliation.suspects(db, OWNER, UUID(int=1), 1000),
    "superseded": lambda db: ownership.superseded(db, 500),
    "supersede": lambda db: ownership.supersede(db, SOME[0]),
    "owners": ownership.owners,
    "present": lambda db: ownership.present(db, OWNER, SOME),
    "adopt": lambda db: ownership.unsettled_of(db, JobRow.workload_id.in_(SOME)),
    "orphans": lambda db: ownership.unsettled_of(db, JobRow.owner == "2", 1000),
    "upload": lambda db: uploads.claim(db, lease_seconds=1),
}


@pytest.fixture(scope="module")
def many_jobs(postgres, postgres_template) -> Any:
    """Give a table of fifty thousand jobs, nearly all of them over."""
    with (
        postgres.database(postgres_template) as url,
        pytest.MonkeyPatch.context() as patch,
        airflow_on(url, patch),
    ):
        bed = SchedulingBed()
        (ti,) = bed.dag_run()
        bed.queue(bed.scheduler(), ti)
        bed.report(bed.start()[0])
        with bed.session() as session:
            multiply(session)
        yield bed


def multiply(session: Session) -> None:
    """Copy the one job there is, each copy a second older, one in a hundred not yet settled and uploaded."""
    recent = "case when k % 100 > 0 then"
    changed = {
        **dict.fromkeys(("id", "assignment_id", "workload_id"), "gen_random_uuid()"),
        "map_index": "k",
        "ended_at": "ended_at - make_interval(secs => k)",
        "log_uploaded_at": f"{recent} ended_at end",
        "settled": f"{recent} true else false end",
        "notify": "false",
    }
    names = [column.name for column in JOBS.columns]
    values = ", ".join(changed.get(name, name) for name in names)
    copies = f"FROM edge_agent_job, generate_series(1, {ROWS}) k"
    session.execute(text(f"INSERT INTO edge_agent_job ({', '.join(names)}) SELECT {values} {copies}"))
    session.execute(text("ANALYZE edge_agent_job"))


@pytest.mark.postgres
@pytest.mark.parametrize("name", STATEMENTS)
def test_it_finds_its_jobs_by_an_index(many_jobs: SchedulingBed, name: str):
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with many_jobs.session() as session:
        event.listen(settings.engine, "before_cursor_execute", note)
        try:
            STATEMENTS[name](session)
        finally:
            event.remove(settings.engine, "before_cursor_execute", note)
        session.rollback()
        assert asked
        for statement, parameters in asked:
            plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
            assert not [line for line in plan if "Seq Scan on edge_agent_job" in line], "\n".join(plan)
