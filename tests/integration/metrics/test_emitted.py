"""Real servers and a real agent: every metric of the table comes out, and nothing else; each is said once."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from airflow_plugin.models import AgentRow
from edge_agent.protocol.metrics import METRICS, Side
from tests.integration.agent.steps import until_exists
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(420)]

PREFIX = "airflow.edge_agent."


def scraped(host):
    """Return what the agent shows to Prometheus: each sample's name, labels and value, and the kinds."""
    address = host.settings["EDGE_AGENT_HEALTH_ADDRESS"]
    answer = httpx.get(f"http://{address}/metrics", trust_env=False)
    assert answer.status_code == httpx.codes.OK, answer.text
    return list(text_string_to_metric_families(answer.text))


@pytest.fixture(scope="module")
def worked(site, host, tmp_path_factory):
    """A job that ran and one that runs, an ended one of each server, a refusal; the running one ends with the gate."""
    gate = tmp_path_factory.mktemp("gate") / "gate"
    host.ended(host.submit("echo said"))
    wait_until(site.collector.names, what="metrics come", timeout=60)
    running = host.submit(f"echo up; {until_exists(gate)}")
    host.says(running, b"up\n")
    for url in (site.bed.url, site.second_url):
        assert httpx.get(f"{url}/edge_agent/v1/commands/rights", trust_env=False).is_client_error
    yield host
    gate.touch()
    host.ended(running)


def test_every_metric_of_the_agent_is_shown_to_prometheus_and_nothing_else(worked):
    wait_until(
        lambda: {family.name for family in scraped(worked) if family.samples},
        what="something of each is there",
        until=lambda names: len(names) >= len([each for each in METRICS if each.side is Side.AGENT]) - len(RARE),
        timeout=30,
    )
    families = {family.name: family for family in scraped(worked)}
    table = {metric.prometheus.removesuffix("_total"): metric for metric in METRICS if metric.side is Side.AGENT}
    assert set(families) == set(table)
    for name, metric in table.items():
        family = families[name]
        assert (family.type, family.documentation) == (metric.kind.value, metric.meaning)
        labels = {"agent", *(label.name for label in metric.labels)}
        assert all(set(sample.labels) - {"le"} == labels for sample in family.samples)
        assert family.samples or name in RARE, name


RARE = {"edge_agent_retries"}
"""What is not there before something went wrong."""


def test_what_the_agent_shows_is_so(worked):
    shown = [sample for family in scraped(worked) for sample in family.samples]

    def value(name, **labels):
        (found,) = [each.value for each in shown if each.name == name and labels.items() <= each.labels.items()]
        return found

    assert value("edge_agent_slots") - value("edge_agent_slots_free") == 1
    assert value("edge_agent_jobs_held", stage="running", runner="local") == 1
    assert value("edge_agent_jobs_ended_total", state="succeeded", reason="exit") == 1
    assert value("edge_agent_confirms_total", outcome="confirmed") == value("edge_agent_offers_total") == 2
    assert value("edge_agent_job_start_seconds_count", runner="local") == 2
    assert value("edge_agent_log_sent_bytes_total") == len("said\n") + len("up\n")
    assert value("edge_agent_requests_total", verb="confirm", outcome="answered") == 2
    assert value("edge_agent_registered") == value("edge_agent_disk_fit") == 1
    assert value("edge_agent_contact_age_seconds") < 10


def host_names(host):
    """Return the agents the servers know: that of the other file, which has left by now, was here too."""
    with host.engine.connect() as connection:
        return connection.scalars(select(AgentRow.name)).all()


def test_every_metric_of_the_table_comes_to_a_collector_and_nothing_else(site, worked):
    collector, name = site.collector, worked.name
    rare = {"edge_agent.reaper.found"} | {f"edge_agent.agent.{key}" for key in ("retries",)}
    table = {f"airflow.{stat}" for metric in METRICS for stat in metric.airflow}
    wanted = table - {f"airflow.{each}" for each in rare}
    wait_until(
        lambda: wanted - collector.names(), until=lambda missing: not missing, what="all metrics come", timeout=60
    )
    assert {each for each in collector.names() if each.startswith(PREFIX)} <= table
    wait_until(
        lambda: collector.latest(f"{PREFIX}jobs", queue=name, state="running"),
        until=lambda value: value == 1,
        what="the running job is counted",
    )
    assert collector.latest(f"{PREFIX}jobs.ended", queue=name, state="succeeded", reason="exit", kind="command") == 1
    assert collector.latest(f"{PREFIX}job.wait", queue=name, kind="command") == 2
    wait_until(
        lambda: collector.latest(f"{PREFIX}agents", health="healthy"),
        until=lambda value: value == 1,
        what="one agent is healthy",
    )
    assert collector.latest(f"{PREFIX}agent.slots", agent=name) == 4
    assert collector.latest(f"{PREFIX}requests.refused", reason="unauthenticated") == 1
    tags = [has for each, has, _ in collector.points() if each.startswith(f"{PREFIX}agent.")]
    known = set(host_names(worked))
    assert name in known
    assert {has["agent"] for has in tags} <= known


def test_what_is_the_same_whoever_says_it_is_said_by_one_server(site, worked):
    """The second server says what it did itself, and leaves the rest to the first, while that lives."""
    wait_until(lambda: site.statsd.values(f"{PREFIX}polls.held") or polls_held(site), what="the second server speaks")
    names = {name.removeprefix(PREFIX) for name in site.statsd.names() if name.startswith(PREFIX)}
    kinds = {name.partition(".")[0] for name in names}
    assert "requests" in kinds
    assert kinds <= {"requests", "polls", "watcher", "reaper"}, names
    assert site.statsd.values(f"{PREFIX}requests.refused.unauthenticated") == ["1|c"]


def polls_held(site):
    return [name for name in site.statsd.names() if name.startswith(f"{PREFIX}polls.held.")]
