"""A scheduler's executor while somebody holds the write lock of an SQLite database."""

from __future__ import annotations

import sqlite3

import pytest
from airflow import settings
from airflow.utils.state import TaskInstanceState

from edge_agent.protocol import JobState
from tests.support.scheduling_bed import SchedulingBed


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Give SQLite alone."""
    return sqlite_url


def test_an_end_that_could_not_be_heard_of_is_told_when_the_lock_is_gone(
    bed: SchedulingBed, caplog: pytest.LogCaptureFixture
):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, TaskInstanceState.RUNNING)
    bed.report(assignment, JobState.FAILED, exit_code=1)
    assert settings.engine is not None
    holder = sqlite3.connect(settings.engine.url.database or "", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert bed.heartbeat(executor) == {}
    finally:
        holder.rollback()
        holder.close()
    assert "Could not hear of ended jobs" in caplog.text

    assert len(bed.turn(executor)) == 1
    assert bed.state(ti) == "gone", "it failed, and its retry has another id"
