"""An agent and a server of releases next to each other: every verb, in both directions."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from edge_agent import __version__
from tests.integration.upgrade.site import LINES, Site, change_host, registered
from tests.support.migrated import copy_sqlite, sqlite_url_of

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(300)]


NUMBERS = itertools.count(1)
OTHER = {"before": "now", "now": "before"}


@pytest.fixture(scope="module", params=["before", "now"])
def server(request, before_code, sqlite_template, tmp_path_factory):
    """Give a site whose server is of that release, on a database which that has migrated; and which it is."""
    home = tmp_path_factory.mktemp(f"server-{request.param}")
    if request.param == "before":
        site = Site(home, sqlite_url_of(home / "airflow.db"), before_code)
        site.bed.airflow("db", "migrate")
    else:
        site = Site(home, copy_sqlite(sqlite_template, home / "airflow.db"), {})
    try:
        site.start()
        yield site, request.param
    finally:
        site.close()


@pytest.fixture
def mixed(server, install, tmp_path):
    """Give the site, a host of the other release with its agent running, and where and what is installed there."""
    site, which = server
    environment = install(OTHER[which])
    name = f"h{next(NUMBERS)}"
    with site.new_host(tmp_path / name, name, environment.bin / "edge-agent") as host:
        yield site, host, environment, OTHER[which]


def test_work_is_done_told_and_ended(mixed, before):
    site, host, _, other = mixed
    assert (before.version if other == "before" else __version__) in host.run("version").stdout
    good = site.submit("echo out; echo err >&2; seq 20000", streams="apart")
    bad = site.submit("echo no; exit 3")
    endless = site.submit("echo up; exec sleep 1000")
    site.says(endless, b"up")
    site.cancel(endless)
    assert site.ended(endless)["state"] == "cancelled"
    assert (site.ended(good)["state"], site.log(good).count(b"\n")) == ("succeeded", 20002)
    view = site.ended(bad)
    assert (view["state"], view["reason"], view["exit_code"]) == ("failed", "exit", 3)


def test_work_goes_on_through_an_upgrade_and_a_way_back(mixed, wheels, tmp_path: Path):
    """The host's release changes twice below its work; the second time with a restart instead of a handover."""
    site, host, environment, other = mixed
    entry = site.write_entry(gate=tmp_path / "gate")
    site.says(entry.job_id, b"%d\n" % (LINES // 2))
    change_host(environment, wheels[OTHER[other]])
    assert host.hand_over() == 0
    registered(host, 2)
    change_host(environment, wheels[other])
    host.crash()
    host.start()
    registered(host, 3)
    (tmp_path / "gate").touch()
    site.audit([entry])
