"""A network that loses packets without a word, between a real agent and the real queue API: nothing is lost with them.

The agent runs in a network namespace of its own, whose only way out is a line that drops what it is told to.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from airflow_plugin.models import AgentRow
from tests.support.airflow_bed import AirflowBed
from tests.support.command_site import CommandSite
from tests.support.fault_proxy import FaultProxy
from tests.support.network import Network, why_not
from tests.support.waiting import wait_until

WHY_NOT = why_not()

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or ""),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a host's network."""
    with Network(tmp_path_factory.mktemp("network")) as made:
        yield made


@pytest.fixture
def site(network: Network, real_api: AirflowBed, tmp_path: Path) -> Iterator[CommandSite]:
    """Give a host that is reached through it, with an agent that has registered."""
    with FaultProxy([real_api.port], listener=network.listen_far()) as line:
        it = CommandSite(real_api, tmp_path / "host", url=line.url, EDGE_AGENT_ALLOW_INSECURE_HTTP="true")
        it.host.process.command = network.near(*it.host.process.command)
        with it.host:
            wait_until(it.is_well, what="the agent registers", timeout=30, ignoring=(FileNotFoundError,))
            yield it
        network.recover()
        it.engine.dispose()


def test_a_silence_longer_than_a_heartbeat_costs_nothing(site, network, tmp_path):
    """One job ends in it, one goes on through it, one is queued in it; the agent keeps its session."""
    ends, lives = tmp_path / "ends", tmp_path / "lives"
    first, second = site.submit_entry(gate=ends), site.submit_entry(gate=lives)
    for job_id in (first, second):
        wait_until(partial(site.entries, job_id), what="it runs", timeout=20)
    session_id, seen_at = site.agent().session_id, site.agent().last_seen_at
    network.lose(100)
    ends.touch()
    third = site.submit_entry()
    wait_until(lambda: site.entries(first) == ["start", "end"], what="it ends in the silence")
    wait_until(lambda: "contact_lost" in site.host.output(), what="the agent notices", timeout=20)
    assert site.entries(third) == []
    network.recover()
    lives.touch()
    site.audit(first, second, third)
    assert site.agent().session_id == session_id
    assert site.agent().last_seen_at > seen_at


def test_an_agent_that_is_silent_for_too_long_ends_what_was_taken_from_it(site, network):
    """Soon, here: the server is told to miss two of its heartbeats only."""
    site.write(
        lambda session: session.execute(update(AgentRow).where(AgentRow.name == site.name).values(missed_heartbeats=2))
    )
    taken = site.submit("echo up; sleep 3000")
    site.says(taken, b"up")
    network.lose(100)
    assert site.ended(taken, timeout=60).reason == "agent_lost"
    network.recover()
    site.audit(site.submit_entry(), timeout=60)
    assert not any("sleep 3000" in line for line in site.host.command_lines())


def test_a_quarter_of_all_packets_lost_costs_only_time(site, network):
    network.lose(25)
    job_ids = [site.submit_entry() for _ in range(3)]
    site.audit(*job_ids, timeout=90)
