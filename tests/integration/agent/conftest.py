"""A queue API and an agent: real processes over a real socket. Mostly without Airflow, and once with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.migrated import copy_sqlite
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

StartAgent = Callable[..., AgentHost]


@pytest.fixture
def queue() -> Iterator[FakeQueue]:
    """Give a queue API that beats every second, so that nothing takes long."""
    with FakeQueue() as server:
        yield server


@pytest.fixture
def agent_of(tmp_path: Path) -> Iterator[Callable[..., AgentHost]]:
    """Give a function that starts agents for a queue; they and all they started end with the test."""
    with ExitStack() as hosts:

        def start(queue: FakeQueue, *, name: str = "h1", slots: int = 4, **settings: Any) -> AgentHost:
            variables = {f"EDGE_AGENT_{key.upper()}": str(value) for key, value in settings.items()}
            host = AgentHost(
                tmp_path / name,
                url=queue.url,
                name=name,
                token=AGENT_TOKEN,
                queues=["q"],
                slots=slots,
                settings={"EDGE_AGENT_KINDS": "command", "EDGE_AGENT_LOG_LEVEL": "debug", **variables},
            )
            return hosts.enter_context(host)

        yield start


@pytest.fixture
def agent(queue: FakeQueue, agent_of: StartAgent) -> AgentHost:
    """Give an agent that has a session with ``queue``, and knows it: its first poll has come."""
    host = agent_of(queue)
    wait_until(lambda: queue.calls_of("poll"), what="the agent asks for work", timeout=20)
    return host


@pytest.fixture(scope="session")
def api_on_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowBed]:
    """Give an Airflow on SQLite: only an API server, for commands. A test that stops or kills it starts it again.

    An agent is lost after six seconds, a statement waits for five until it gives up; an offer outlasts both.
    """
    home = tmp_path_factory.mktemp("api-on-sqlite")
    settings = {"AIRFLOW__EDGE_AGENT__OFFER_SECONDS": "30"}
    url = copy_sqlite(sqlite_template, home / "airflow.db")
    bed = AirflowBed(home / "bed", url, settings=settings, apps="core")
    try:
        yield bed.start("api-server")
    finally:
        bed.__exit__()


@pytest.fixture(scope="session")
def real_api(
    postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowBed]:
    """Give an Airflow on Postgres: only an API server, for commands. Lost offers are soon offered again."""
    settings = {
        "AIRFLOW__EDGE_AGENT__OFFER_SECONDS": "1",
        # Twice as patient as the bed is otherwise: a dozen agents share two cores with it.
        "AIRFLOW__EDGE_AGENT__MISSED_HEARTBEATS": "6",
    }
    with postgres.database(postgres_template) as url:
        bed = AirflowBed(tmp_path_factory.mktemp("real-api") / "airflow", url, settings=settings, apps="core")
        try:
            yield bed.start("api-server")
        finally:
            bed.__exit__()
