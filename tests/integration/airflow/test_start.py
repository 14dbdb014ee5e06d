"""An executor refuses to start where nothing could work, and says what to do."""

from __future__ import annotations

import pytest
from airflow.executors.executor_loader import ExecutorLoader
from sqlalchemy import text

from airflow_plugin.config import ConfigError
from airflow_plugin.db import UnsupportedDatabaseError, require_supported
from airflow_plugin.executor import AgentExecutor, MigrationsMissingError
from tests.support.scheduling_bed import SchedulingBed


def test_it_starts_on_migrated_tables(bed: SchedulingBed):
    bed.scheduler().end()


@pytest.mark.parametrize(
    "missing", ["DROP TABLE alembic_version_edge_agent", "UPDATE alembic_version_edge_agent SET version_num = '0000'"]
)
def test_it_does_not_start_without_its_migrations(bed: SchedulingBed, missing: str):
    with bed.session() as session:
        session.execute(text(missing))
    with pytest.raises(MigrationsMissingError, match="Run `airflow db migrate`"):
        bed.scheduler()


def test_it_does_not_start_with_an_option_that_cannot_work(bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__EDGE_AGENT__SYNC_SECONDS", "often")
    with pytest.raises(ConfigError, match=r"\[edge_agent\] sync_seconds = 'often' is not a number"):
        bed.scheduler()


def test_it_is_not_for_mysql():
    with pytest.raises(UnsupportedDatabaseError, match="needs Postgres"):
        require_supported("mysql")


def test_airflow_loads_it_under_an_alias_and_for_a_team(monkeypatch: pytest.MonkeyPatch):
    assert ExecutorLoader.import_executor_cls.__name__
    executor = AgentExecutor(parallelism=5, team_name="blue")
    assert (executor.parallelism, executor.slots_available, executor.team_name) == (5, 5, "blue")
    assert (executor.supports_callbacks, executor.supports_connection_test) == (True, True)
    assert executor.supports_multi_team


def test_what_it_holds_is_dumped_when_asked(bed: SchedulingBed, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    executor.debug_dump()
    assert str(bed.job().id) in caplog.text


def test_revoking_is_left_to_the_queue_timeout():
    """Implemented, Airflow would fail a task that waits too long without its retries."""
    with pytest.raises(NotImplementedError):
        AgentExecutor().revoke_task(ti=None)  # type: ignore[arg-type]  # Airflow reads it as one


def test_it_can_be_told_to_stop_at_any_time(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    executor.terminate()
    executor.end()
    assert bed.job().owner == str(executor.job_id)
