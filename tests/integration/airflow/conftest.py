"""This process's Airflow on a migrated database of the test's own, of each kind in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from airflow.cli.cli_parser import get_parser

from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on

Run = Callable[..., str]


@pytest.fixture
def bed(database_url: str) -> Iterator[SchedulingBed]:
    """Give an Airflow with nothing in it."""
    with pytest.MonkeyPatch.context() as patch, airflow_on(database_url, patch):
        yield SchedulingBed()


@pytest.fixture
def run(bed: SchedulingBed, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command and returns its standard output."""

    def run(*words: str) -> str:
        capsys.readouterr()
        args = get_parser().parse_args(["edge-agent", *words])
        args.func(args)
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command that must be refused, and returns its one line."""

    def refused(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            run(*words)
        assert ended.value.code == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "[info" not in line]
        assert line.startswith("airflow edge-agent: ")
        return line.removeprefix("airflow edge-agent: ")

    return refused
