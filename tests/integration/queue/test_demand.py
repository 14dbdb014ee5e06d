"""The watcher's one question: which placements have queued jobs, how many, and who was nudged."""

from __future__ import annotations

from sqlalchemy import update

from airflow_plugin.models import JobRow
from airflow_plugin.queue import offers, steering
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobState


def ask(queue, statement):
    with queue.database.transaction() as session:
        return {row.key: row.jobs for row in session.execute(statement)}


def test_an_empty_queue_has_no_demand(queue):
    queue.put(JobState.RUNNING)
    assert ask(queue, offers.demand()) == {}
    assert ask(queue, offers.news()) == {}


def test_each_placement_is_told_with_the_number_of_its_queued_jobs(queue):
    agent = queue.register(slots=9)
    for state in (JobState.OFFERED, JobState.RUNNING, JobState.SUCCEEDED):
        queue.put(state, agent, queue="a")
    wanted = {}
    for count, (team, name, requires) in enumerate(
        [(None, "a", {}), ("blue", "a", {}), (None, "b", {}), (None, "a", {"gpu": True})], start=1
    ):
        wanted[Placement(name, team, requires).key] = count
        for _ in range(count):
            queue.submit(queue=name, team=team, requires=requires)
    assert ask(queue, offers.demand()) == wanted


def test_many_placements_are_all_found(queue):
    keys = set()
    for number in range(100):
        queue.submit(requires={"n": number})
        keys.add(Placement("default", None, {"n": number}).key)
    assert ask(queue, offers.demand()) == dict.fromkeys(keys, 1)


def test_it_stops_counting_where_more_makes_no_difference(queue):
    for _ in range(offers.COUNTED + 10):
        queue.submit()
    assert ask(queue, offers.demand()) == {Placement("default").key: offers.COUNTED}


def test_news_are_the_demand_and_the_nudged_agents(queue):
    for name in ("a1", "a2", "a3"):
        queue.register(name)
    queue.submit()
    for name in ("a1", "a3"):
        with queue.database.transaction() as session:
            steering.cordon(session, name, by="me")
    assert ask(queue, offers.news()) == {Placement("default").key: 1, "a1": None, "a3": None}


def test_what_a_digest_stands_for_is_looked_up_and_forgotten_with_its_last_queued_job(queue):
    placement = Placement("gpu", "blue", {"gpu": True, "memory": 64.5, "os": "linux"})
    queue.submit(queue="gpu", team="blue", requires=placement.requires)
    with queue.database.transaction() as session:
        found = offers.placements(session, [placement.key, "0" * 32])
    assert found == {placement.key: placement}
    assert found[placement.key].key == placement.key, "the digest survives the table"
    with queue.database.transaction() as session:
        session.execute(update(JobRow).values(state=JobState.QUEUED, placement="1" * 32))
        assert offers.placements(session, [placement.key]) == {}
