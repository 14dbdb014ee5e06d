"""A fleet of three is upgraded while it works: first the server, then host by host."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge_agent import __version__
from tests.integration.upgrade.site import LINES, Entry, Site, registered
from tests.support.agent_host import AgentHost
from tests.support.installed import Environment

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(600)]
LEAST = 30
"""Commands that must have come while it went on, or it was no load."""


class Load(threading.Thread):
    """Submits commands of the ledger as fast as they end, until it is told to stop."""

    def __init__(self, site: Site) -> None:
        super().__init__(name="load")
        self.site, self.entries, self.enough = site, list[Entry](), threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Keep the fleet busy."""
        try:
            while not self.enough.is_set():
                self.entries.append(self.site.write_entry())
                self.enough.wait(0.3)
        except BaseException as error:  # noqa: BLE001  the test that waits for this thread raises it again
            self.failure = error

    def stop(self) -> list[Entry]:
        """Submit no more, and return all there were."""
        self.enough.set()
        self.join(180)
        if self.failure is not None:
            raise self.failure
        return self.entries


@pytest.fixture
def fleet(postgres, install, before_code, tmp_path: Path):
    """Give a site and three hosts of the release before, at work."""
    with postgres.database() as url:
        site = Site(tmp_path / "site", url, before_code)
        site.bed.airflow("db", "migrate")
        site.start()
        hosts = [
            site.new_host(tmp_path / f"h{number}", f"h{number}", install("before").bin / "edge-agent")
            for number in (1, 2, 3)
        ]
        try:
            for host in hosts:
                host.start()
            yield site, hosts
        finally:
            for host in hosts:
                host.power_off()
            site.close()


def test_a_rolling_upgrade_under_load_loses_nothing_and_repeats_nothing(fleet, install, tmp_path: Path):
    site, hosts = fleet
    load = Load(site)
    load.start()
    try:
        through = [site.write_entry(gate=tmp_path / "end", host=host.name) for host in hosts]
        for entry in through:
            site.says(entry.job_id, b"%d\n" % (LINES // 2))
        site.change_release({})
        for host in hosts:
            upgrade(host, install("now"))
        (tmp_path / "end").touch()
    finally:
        entries = load.stop()
    assert len(entries) > LEAST
    site.audit([*through, *entries])
    agents = site.bed.rest.steer("GET", "/agents")["agents"]
    assert [each["versions"]["agent"] for each in agents] == [__version__] * 3


def upgrade(host: AgentHost, environment: Environment) -> None:
    """Let the new release, installed beside the old one, take over."""
    host.edge_agent = str(environment.bin / "edge-agent")
    assert host.hand_over() == 0
    registered(host, 2)
