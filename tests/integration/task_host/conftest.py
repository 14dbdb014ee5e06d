"""One host and one warm zygote for most of these tests: getting warm costs seconds of CPU."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from edge_agent.task_host import TaskHost
from tests.support.execution_api import ExecutionApi
from tests.support.task_site import TaskSite

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="session")
def api() -> Iterator[ExecutionApi]:
    with ExecutionApi() as server:
        yield server


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, api: ExecutionApi) -> TaskSite:
    return _site(tmp_path_factory.mktemp("site"), api)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def host(site: TaskSite) -> AsyncIterator[TaskHost]:
    running = TaskHost(python=sys.executable, environment=site.environment(), log=site.log)
    await running.start()
    await running.ready()
    yield running
    await running.stop()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExecutionApi]:
    """Give an Execution API of the test's own, for a client in this very process."""
    monkeypatch.setenv("EDGE_AGENT_NAME", "h")
    monkeypatch.setenv("AIRFLOW__CORE__HOSTNAME_CALLABLE", "edge_agent.task_host.hostname.agent_name")
    with ExecutionApi() as api:
        api.variables["the_variable"] = "value"
        yield api


@pytest.fixture
def own_site(tmp_path: Path, api: ExecutionApi) -> TaskSite:
    return _site(tmp_path, api)


@pytest_asyncio.fixture(loop_scope="session")
async def own_host(own_site: TaskSite) -> AsyncIterator[Callable[..., TaskHost]]:
    """Make a task host of the test's own; the arguments are variables of its environment."""
    made = []

    def make(**variables: str) -> TaskHost:
        made.append(TaskHost(python=sys.executable, environment=own_site.environment(**variables), log=own_site.log))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


def _site(root: Path, api: ExecutionApi) -> TaskSite:
    here = TaskSite(root, api)
    for file in DAGS.glob("*.py"):
        here.dag(file.stem, file.read_text(encoding="utf-8"))
    return here
