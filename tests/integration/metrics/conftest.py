"""Two API servers on one database: one hands its metrics to a collector, one sends StatsD; both hand on traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.airflow_bed import AirflowBed
from tests.support.command_site import CommandSite
from tests.support.otlp import Collector
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.statsd_socket import StatsdSocket

FIRST = "api-server"
"""The bed's name of the server that has the duty to measure."""


@dataclass(frozen=True)
class Site:
    """The servers, where their metrics go, and the address of the second."""

    bed: AirflowBed
    collector: Collector
    statsd: StatsdSocket
    second_url: str


@pytest.fixture(scope="session")
def site(postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give both. The first one started has the duty to measure."""
    settings = {"AIRFLOW__EDGE_AGENT__METRICS_SECONDS": "1", "AIRFLOW__EDGE_AGENT__OFFER_SECONDS": "2"}
    with postgres.database(postgres_template) as url, Collector() as collector, StatsdSocket() as statsd:
        home = tmp_path_factory.mktemp("metrics") / "airflow"
        bed = AirflowBed(home, url, settings=settings | collector.environment, apps="core")
        try:
            bed.start(FIRST)
            second = bed.add_api_server({"AIRFLOW__METRICS__OTEL_ON": "False", **statsd.environment})
            yield Site(bed, collector, statsd, str(second.url))
        finally:
            bed.__exit__()


@pytest.fixture(scope="module")
def host(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandSite]:
    """Give an agent of the first server, which answers probes, and Prometheus."""
    metrics = {"EDGE_AGENT_HEALTH_ADDRESS": f"127.0.0.1:{free_port()}", "EDGE_AGENT_METRICS": "true"}
    it = CommandSite(site.bed, tmp_path_factory.mktemp("host") / "host", **metrics)
    with it.host:
        yield it
    it.engine.dispose()
