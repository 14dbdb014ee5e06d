"""One whole Airflow for all end-to-end tests, on Postgres, and as many agent hosts as they want.

``bed`` is shared: a test that stops a part of it starts it again before it ends. Tests stay out of
each other's way by queues: one that kills its agent uses a queue and a host of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.documented import documented
from tests.support.installed import built_once, installed
from tests.support.own_site import Repository
from tests.support.postgres import Postgres

DAGS = Path(__file__).parent / "dags"
HERE = Path(__file__).parent
LIMIT = 300
"""Seconds for one test, the start of what it is the first to need included."""

SETTINGS = {"AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME": "30"}
"""Seconds that a task's token lives: an outage of any length that is worth a test is longer."""

_beds: list[AirflowBed] = []
_hosts: list[AgentHost] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, and give it the time that real processes take."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say where the logs of a failure are, and show how those of the agents end."""
    report = yield
    if report.failed and HERE in item.path.parents:
        report.sections += [("Airflow's logs", str(bed.home)) for bed in _beds]
        report.sections += [("What its scheduler took for ended from outside", _mismatches(bed)) for bed in _beds]
        report.sections += [(f"{host.home}/agent.log", _end_of(host.output())) for host in _hosts]
    return report


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give the git repository whose Dags Airflow has besides, as the bundle ``site-dags``. It begins with none."""
    repository = Repository(tmp_path_factory.mktemp("git"))
    repository.commit("README.md", "The Dags of a site.\n")
    return repository


@pytest.fixture(scope="session")
def bed(
    postgres: Postgres, postgres_template: str, repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowBed]:
    """Give the Airflow of this run, with every Dag of ``tests/e2e/dags`` loaded."""
    bundles = documented("how-to/dag-bundles.md")[1]["dag_processor"]["dag_bundle_config_list"]
    bundles = bundles.replace("/srv/git/dags.git", str(repository.path)).replace(": 30}", ": 3}")
    settings = SETTINGS | {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles,
        # Else in the temporary directory of the machine, where the clone of another run's repository may lie.
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(tmp_path_factory.mktemp("bundles")),
    }
    with postgres.database(postgres_template) as url:
        airflow = AirflowBed(tmp_path_factory.mktemp("airflow"), url, dags=DAGS, settings=settings, warm=True)
        _beds.append(airflow)
        with airflow:
            yield airflow


@pytest.fixture(scope="session")
def make_host(bed: AirflowBed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., AgentHost]]:
    """Give a function that makes a host with a token of its own; :class:`AgentHost` has its arguments.

    ``bare``: there is no Airflow on it. The agent is not started; whatever runs on the host when the run ends is
    killed.
    """

    @cache
    def without_airflow() -> Path:
        """Return the agent's program as a host has it on which nobody ever installed Airflow."""
        wheel = built_once().wheel
        environment = environments.enter_context(installed(tmp_path_factory.mktemp("bare"), str(wheel)))
        assert environment.python("import importlib.util as u; print(u.find_spec('airflow'))").strip() == "None"
        return environment.bin / "edge-agent"

    def make(name: str, *queues: str, slots: int = 4, bare: bool = False, **settings: str) -> AgentHost:
        host = AgentHost(
            tmp_path_factory.mktemp(name),
            url=bed.url,
            name=name,
            token=bed.create_token(name, queues),
            queues=queues,
            slots=slots,
            dags=None if bare else DAGS,
            settings=settings,
            edge_agent=without_airflow() if bare else None,
        )
        _hosts.append(host)
        return host

    with ExitStack() as environments:
        yield make
        for host in _hosts:  # before what they run from is removed
            host.power_off()


@pytest.fixture(scope="session")
def onprem(make_host: Callable[..., AgentHost]) -> AgentHost:
    """Give the host that serves the queue ``onprem``, its agent running. No test may harm it."""
    return make_host("onprem-1", "onprem", slots=8).start()


def _mismatches(bed: AirflowBed) -> str:
    """Return what the scheduler says of tasks that it has failed because their state had changed.

    That a deferred task is such a one when it comes back within a moment, on a busy machine, is Airflow's own defect:
    https://github.com/apache/airflow/issues/72716.
    """
    log = bed.parts["scheduler"].process.output()
    return "\n".join(line for line in log.splitlines() if "but the task instance's state attribute is" in line)


def _end_of(log: str, lines: int = 40) -> str:
    return "\n".join(log.splitlines()[-lines:])
