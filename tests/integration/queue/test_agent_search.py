"""The page of agents: what is searched for, in what order, and which part of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow import __version__ as airflow_version
from sqlalchemy import update

from airflow_plugin import clock
from airflow_plugin.errors import Invalid
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agent_search, steering
from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.agent_search import SORTS, AgentSearch, AgentsPage
from edge_agent import __version__
from edge_agent.protocol import PROTOCOL_VERSION, AgentState, HostHealth, JobState
from tests.support.queue_bed import QueueBed


def page(queue: QueueBed, **wanted: Any) -> AgentsPage:
    with queue.database.transaction() as session:
        return agent_search.page(session, queue.config, AgentSearch(**wanted))


def names(queue: QueueBed, **wanted: Any) -> list[str]:
    found = page(queue, **wanted)
    assert found.total == len(found.agents)
    return [agent.name for agent in found.agents]


def put(queue: QueueBed, name: str, **columns: Any) -> None:
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).where(AgentRow.name == name).values(**columns))


@pytest.fixture
def fleet(queue: QueueBed) -> QueueBed:
    """Give three agents that have little in common."""
    queue.register("db-1", queues=["onprem", "db"], hostname="alpha.example", capabilities={"os": "linux", "gpu": True})
    queue.register(
        "db-2", queues=["db"], hostname="beta.example", capabilities={"os": "linux", "gpu": False, "cores": 8}
    )
    queue.register("mac", queues=["mac"], hostname="100%_pure", capabilities={"os": "darwin", "note": 'a "b" =c é'})
    put(queue, "mac", address="2001:db8::7", token_id=None)
    return queue


def test_every_agent_is_there_by_name_when_nothing_is_asked_for(fleet):
    found = page(fleet)
    assert [agent.name for agent in found.agents] == ["db-1", "db-2", "mac"]
    assert (found.total, found.all) == (3, 3)
    assert found.queues == ["db", "mac", "onprem"]
    assert abs(found.server_time - datetime.now(UTC)) < timedelta(seconds=5)


def test_there_may_be_none_at_all(queue):
    found = page(queue)
    assert (found.agents, found.total, found.all, found.queues, found.capabilities) == ([], 0, 0, [], [])
    assert found.counts == agent_search.AgentCounts(healthy=0, late=0, lost=0, offline=0, cordoned=0)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("db", ["db-1", "db-2", "mac"]),
        ("DB-", ["db-1", "db-2"]),
        ("beta.EX", ["db-2"]),
        ("db8::", ["mac"]),
        ("192.0.2", ["db-1", "db-2"]),
        ("%", ["mac"]),
        ("_", ["mac"]),
        ("'; --", []),
        ("", ["db-1", "db-2", "mac"]),
    ],
)
def test_a_part_of_name_host_or_address_is_searched_for_as_it_is_written(fleet, search, expected):
    assert names(fleet, search=search) == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (["gpu"], ["db-1"]),
        (["gpu=true"], ["db-1"]),
        (["gpu=false"], ["db-2"]),
        (["cores"], ["db-2"]),
        (["cores=8"], ["db-2"]),
        (["os=linux", "gpu"], ["db-1"]),
        (["os=linux", "os=darwin"], []),
        (["os=lin"], []),
        (["kind.task"], ["db-1", "db-2", "mac"]),
        (['note=a "b" =c é'], ["mac"]),
        (["none"], []),
        (["'"], []),
    ],
)
def test_all_capabilities_must_be_there(fleet, capabilities, expected):
    assert names(fleet, capabilities=capabilities) == expected


def test_one_of_the_queues_in_force_is_enough(fleet):
    assert names(fleet, queues=["onprem", "mac"]) == ["db-1", "mac"]
    put(fleet, "mac", queues_override=["apple"])
    assert names(fleet, queues=["mac"]) == []
    assert names(fleet, queues=["apple"]) == ["mac"]
    assert page(fleet).queues == ["apple", "db", "onprem"]


def test_every_capability_that_there_is_can_be_chosen(fleet):
    found = page(fleet, search="none")
    assert found.capabilities == ["cores=8", "gpu", "kind.task", 'note=a "b" =c é', "os=darwin", "os=linux"]
    assert (found.total, found.all) == (0, 3), "whatever the filters let pass"
    for each in found.capabilities:
        assert names(fleet, capabilities=[each])


def test_cordoned_ones_and_those_of_a_token_are_found(fleet):
    with fleet.database.transaction() as session:
        steering.cordon(session, "mac", by="admin")
    assert names(fleet, cordoned=True) == ["mac"]
    assert names(fleet, cordoned=False) == ["db-1", "db-2"]
    assert names(fleet, token="of-all") == ["db-1", "db-2"]
    assert names(fleet, token="none") == []
    assert page(fleet).counts.cordoned == 1
    assert names(fleet, cordoned=True, search="db-") == [], "filters hold all together"


# ------------------------------------------------------------------ health


@pytest.mark.parametrize(
    ("state", "silent", "health", "missed"),
    [
        (AgentState.CONNECTED, 0, HealthStatus.HEALTHY, 0),
        (AgentState.CONNECTED, 12, HealthStatus.HEALTHY, 0),
        (AgentState.CONNECTED, 13, HealthStatus.LATE, 1),
        (AgentState.CONNECTED, 25, HealthStatus.LATE, 2),
        (AgentState.LOST, 31, HealthStatus.LOST, 3),
        (AgentState.LOST, 605, HealthStatus.LOST, 60),
        (AgentState.OFFLINE, 605, HealthStatus.OFFLINE, 0),
    ],
)
def test_health_is_by_how_many_heartbeats_are_missed(queue, state, silent, health, missed):
    queue.register()
    put(queue, "a1", state=state, last_seen_at=clock.in_seconds(-silent))
    (agent,) = page(queue, health=[health]).agents
    assert (agent.health_status, agent.missed) == (health, missed)
    assert page(queue, health=set(HealthStatus) - {health}).total == 0
    assert getattr(page(queue).counts, health) == 1


def test_an_agents_own_patience_is_what_counts(queue):
    queue.register()
    put(queue, "a1", heartbeat_seconds=60, missed_heartbeats=10, last_seen_at=clock.in_seconds(-130))
    (agent,) = page(queue).agents
    assert (agent.heartbeat_seconds, agent.missed_heartbeats) == (60, 10)
    assert (agent.health_status, agent.missed) == (HealthStatus.LATE, 1)


# ------------------------------------------------------------------ order and parts


def test_each_order_goes_both_ways_and_ties_go_by_name(queue):
    for name in ("b", "c", "a"):
        queue.register(name)
    put(queue, "a", versions={"agent": "0.10.0"}, last_seen_at=clock.in_seconds(-5), registered_at=clock.in_seconds(-9))
    put(queue, "b", versions={"agent": "0.9.1"}, last_seen_at=clock.in_seconds(-9), registered_at=clock.in_seconds(-5))
    put(queue, "c", versions={"agent": "0.9.1"}, last_seen_at=clock.in_seconds(-60), registered_at=clock.in_seconds(-5))
    with queue.database.transaction() as session:
        (same,) = {session.get(AgentRow, "c").registered_at}
    put(queue, "b", registered_at=same)
    queue.put(JobState.RUNNING, queue.register("c2"), slots=3)
    queue.put(JobState.OFFERED, queue.register("d"), slots=4)
    expected = {
        "name": "a b c c2 d",
        "health": "a b c2 d c",
        "last_seen": "c b a c2 d",
        "registered": "a b c c2 d",
        "used": "a b c c2 d",
        "running": "a b c d c2",
        "version": "b c a c2 d",
    }
    assert set(expected) == set(SORTS)
    for sort, order in expected.items():
        assert names(queue, sort=sort) == order.split(), sort
    assert names(queue, sort="-name") == ["d", "c2", "c", "b", "a"]
    assert names(queue, sort="-used") == ["d", "c2", "a", "b", "c"]
    assert names(queue, sort="-version") == ["c2", "d", "a", "b", "c"]
    assert names(queue, sort="-health") == ["c", "a", "b", "c2", "d"]


@pytest.mark.parametrize("sort", ["", "-", "names", "name; DROP TABLE edge_agent", "--name"])
def test_an_order_that_there_is_none_of_is_refused_with_those_that_there_are(sort):
    with pytest.raises(Invalid, match="choose from name, health, last_seen, used, running, registered, version"):
        AgentSearch(sort=sort)


def test_pages_follow_one_another_and_know_how_many_there_are(queue):
    for number in range(7):
        queue.register(f"a{number}")
    found = [page(queue, limit=3, offset=offset, search="a") for offset in (0, 3, 6, 9)]
    assert [[agent.name for agent in each.agents] for each in found] == [
        ["a0", "a1", "a2"],
        ["a3", "a4", "a5"],
        ["a6"],
        [],
    ]
    assert {each.total for each in found} == {7}


def skew(queue: QueueBed) -> list[str]:
    (seen,) = page(queue).agents
    return seen.skew


def test_what_differs_between_the_host_and_here_is_said_in_sentences(queue):
    agent = queue.register()
    put(queue, "a1", versions={"agent": __version__, "airflow": airflow_version})
    assert skew(queue) == []
    put(queue, "a1", versions={"agent": "0.0.9", "airflow": "3.3.0"}, protocol_version=7)
    assert skew(queue) == [
        f"agent 0.0.9, this Airflow has {__version__}",
        f"protocol 7, this Airflow speaks {PROTOCOL_VERSION}",
        f"Airflow 3.3.0 on the host, {airflow_version} here",
    ]
    put(queue, "a1", versions={"agent": __version__, "airflow": None}, protocol_version=PROTOCOL_VERSION)
    queue.beat(agent, 1, health=HostHealth(clock=datetime.now(UTC) - timedelta(seconds=95)))
    (said,) = skew(queue)
    assert said in {f"its clock is {seconds} s behind" for seconds in range(94, 100)}
    queue.beat(agent, 2, health=HostHealth(clock=datetime.now(UTC) + timedelta(hours=2)))
    assert skew(queue)[0].endswith("s ahead")


@pytest.mark.parametrize("clock_of_host", [datetime(1, 1, 1), datetime(9999, 12, 31, tzinfo=UTC)])  # noqa: DTZ001  a host may say so
def test_whatever_clock_a_host_says_it_has_the_page_is_answered(queue, clock_of_host):
    agent = queue.register()
    queue.beat(agent, 1, health=HostHealth(clock=clock_of_host))
    assert "its clock is" in skew(queue)[-1]


def test_the_clock_of_a_session_before_is_none_of_this_one(queue):
    agent = queue.register()
    queue.beat(agent, 1, health=HostHealth(clock=datetime.now(UTC) - timedelta(days=1)))
    assert any("clock" in said for said in skew(queue))
    queue.register()
    assert not any("clock" in said for said in skew(queue))


def test_a_page_takes_as_many_statements_however_many_agents_there_are(queue):
    counted = []
    for number in range(3):
        for name in range(number * 10):
            queue.register(f"a{number}{name}")
        with queue.database.recorded() as statements:
            page(queue, sort="-version", search="a", capabilities=["kind.task"])
        counted.append(len(statements))
    assert max(counted) <= 5
