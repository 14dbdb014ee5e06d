"""This process's Airflow on a migrated database of the test's own, of each kind in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on


@pytest.fixture
def bed(database_url: str) -> Iterator[SchedulingBed]:
    """Give an Airflow with nothing in it."""
    with pytest.MonkeyPatch.context() as patch, airflow_on(database_url, patch):
        yield SchedulingBed()
