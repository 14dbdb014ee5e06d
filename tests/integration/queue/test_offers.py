"""Handing out: who is offered what, in which order, and who is offered nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import event, update

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agents, steering
from airflow_plugin.queue.offers import TOGETHER
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.reaper import Reaper, lost
from edge_agent.protocol import AgentState, JobKind, JobState, RunnerName
from tests.support.queue_bed import QUEUE, QueueBed


def labels(offered):
    return [each.label for each in offered]


def submit(bed, label, **job):
    """Submit a job a second after the one before: SQLite's clock counts milliseconds."""
    bed.database.pass_time(1)
    bed.submit(label=label, **job)


def test_an_offer_carries_metadata_and_nothing_that_could_be_started(queue):
    agent = queue.register()
    id_ = queue.submit(payload={"secret": "s3cret"}, label="dag.task", slots=2, runner=RunnerName.TMUX)
    (offered,) = queue.offer(agent)
    assert (offered.job_id, offered.kind, offered.slots) == (id_, JobKind.TASK, 2)
    assert (offered.runner, offered.label) == (RunnerName.TMUX, "dag.task")
    assert "s3cret" not in offered.model_dump_json()
    row = queue.job(id_)
    assert (row.state, row.assignment_id) == (JobState.OFFERED, offered.assignment_id)
    assert (row.agent_name, row.session_id) == (agent.name, agent.session_id)
    assert (row.offer_expires_at - row.offered_at).total_seconds() == pytest.approx(15, abs=0.5)


def test_every_offer_of_a_batch_has_an_assignment_of_its_own(queue):
    agent = queue.register(slots=50)
    for _ in range(50):
        queue.submit()
    offered = queue.offer(agent)
    assert len({each.assignment_id for each in offered}) == len({each.job_id for each in offered}) == 50


def test_what_was_queued_first_goes_first(queue):
    agent = queue.register(slots=20)
    for number in range(20):
        submit(queue, str(number))
    assert labels(queue.offer(agent, free=3)) == ["0", "1", "2"]
    assert labels(queue.offer(agent)) == [str(number) for number in range(3, 20)]


def test_weight_is_a_head_start_and_not_a_right_of_way(database):
    """With 10 s for each unit of weight, who has waited 40 s goes before who has 3 units more."""
    queue = QueueBed(database, QueueConfig(priority_step_seconds=10))
    agent = queue.register()
    submit(queue, "waited 40 s")
    database.pass_time(19)
    submit(queue, "waited 20 s")
    database.pass_time(18)
    submit(queue, "weight 3", priority_weight=3)
    submit(queue, "new")
    assert labels(queue.offer(agent)) == ["waited 40 s", "weight 3", "waited 20 s", "new"]


def test_a_low_priority_never_starves(database):
    """Whatever weight those have that come later: after twice the largest head start it goes before them."""
    queue = QueueBed(database, QueueConfig(priority_head_start_seconds=100))
    agent = queue.register()
    queue.submit(label="lowest", priority_weight=-(2**31))
    database.pass_time(201)
    for _ in range(5):
        queue.submit(label="highest", priority_weight=2**31)
    assert labels(queue.offer(agent, free=1)) == ["lowest"]


def test_jobs_of_several_placements_are_ordered_together(queue):
    agent = queue.register(slots=20, queues=("a", "b"))
    for number in range(12):
        submit(queue, str(number), queue="ab"[number % 2], requires={"n": number % 3})
    assert labels(queue.offer(agent, free=7)) == [str(number) for number in range(7)]


def test_only_the_placements_asked_for_are_offered(queue):
    agent = queue.register(slots=9)
    for name in ("a", "b", "c"):
        submit(queue, name, queue=name)
    keys = [Placement("a").key, Placement("c").key]
    assert labels(queue.offer(agent, keys=keys)) == ["a", "c"]
    assert queue.offer(agent, keys=keys) == queue.offer(agent, keys=[]) == []


def test_the_same_queue_of_another_team_is_another_placement(queue):
    agent = queue.register(slots=9)
    for team in (None, "blue", "red"):
        queue.submit(team=team, label=str(team))
    assert labels(queue.offer(agent, keys=[Placement(QUEUE, "blue").key])) == ["blue"]


def test_no_more_is_offered_than_fits_the_free_slots(queue):
    agent = queue.register(slots=8)
    for number in range(5):
        submit(queue, str(number), slots=2)
    assert labels(queue.offer(agent, free=5)) == ["0", "1"]
    assert queue.offer(agent, free=0) == []


def test_no_more_is_offered_than_one_message_may_hold(queue):
    agent = queue.register(slots=100)
    for _ in range(7):
        queue.submit()
    assert [len(queue.offer(agent, limit=3)) for _ in range(4)] == [3, 3, 1, 0]


def test_a_big_job_holds_back_the_smaller_ones_behind_it(queue):
    """Passed over whenever something small fits, it would wait for ever on a busy agent."""
    agent = queue.register(slots=4)
    submit(queue, "first")
    submit(queue, "big", slots=4)
    submit(queue, "behind")
    assert labels(queue.offer(agent)) == ["first"]
    assert labels(queue.offer(agent, free=3)) == []
    assert labels(queue.offer(agent, free=4)) == ["big"]


def test_a_job_larger_than_the_agent_holds_nobody_back(queue):
    small, large = queue.register("small", slots=4), queue.register("large", slots=8)
    submit(queue, "big", slots=8)
    submit(queue, "behind")
    assert labels(queue.offer(small)) == ["behind"]
    assert labels(queue.offer(large)) == ["big"]


def test_an_offer_that_expired_is_offered_again_as_another_assignment(queue):
    job = queue.put(JobState.OFFERED)
    queue.database.pass_time(16)
    assert queue.offer(job.agent) == [], "until the reaper has returned it, it is not queued"
    with queue.database.transaction() as session:
        assert Reaper(queue.config).run_once(session).expired == 1
    (again,) = queue.offer(job.agent)
    assert again.job_id == job.id
    assert again.assignment_id != job.assignment


def cordoned(session):
    steering.cordon(session, "a1", by="me")


def cordoned_for_a_while(session):
    steering.cordon(session, "a1", by="me", expires_in_seconds=60)


def draining(session):
    steering.drain(session, "a1", by="me")


def is_lost(session):
    session.execute(update(AgentRow).values(last_seen_at=AgentRow.registered_at))
    lost(session, heartbeat_seconds=-1, missed_heartbeats=1, listened_seconds=0)


def left(session):
    agents.leave(session, session.get_one(AgentRow, "a1"))


def deleted(session):
    steering.delete(session, "a1")


@pytest.mark.parametrize("change", [cordoned, cordoned_for_a_while, draining, is_lost, left, deleted])
def test_nothing_is_offered_to_an_agent_that_is(queue, change):
    agent = queue.register()
    id_ = queue.submit()
    with queue.database.transaction() as session:
        change(session)
    assert queue.offer(agent) == []
    assert queue.state(id_) == JobState.QUEUED


def test_nothing_is_offered_to_a_session_that_a_newer_one_ended(queue):
    before, now = queue.register(), queue.register()
    queue.submit()
    assert queue.offer(before) == []
    assert len(queue.offer(now)) == 1


def test_nothing_is_offered_to_a_name_with_the_session_of_another(queue):
    one, two = queue.register("a1"), queue.register("a2")
    queue.submit()
    mixed = type(one)(one.name, two.session_id, one.secret, one.registered, one.slots)
    assert queue.offer(mixed) == []


def test_a_cordon_is_over_the_moment_it_expires(queue):
    """Judged by the claim itself, whether or not the reaper has lifted it yet."""
    agent = queue.register()
    queue.submit()
    with queue.database.transaction() as session:
        cordoned_for_a_while(session)
    queue.database.pass_time(61)
    assert queue.agent().cordoned_at is not None
    assert len(queue.offer(agent)) == 1


def test_a_cordon_that_expired_during_a_drain_opens_nothing(queue):
    agent = queue.register()
    queue.submit()
    with queue.database.transaction() as session:
        draining(session)
        cordoned_for_a_while(session)
    queue.database.pass_time(61)
    assert queue.offer(agent) == []


def test_a_connected_agent_is_offered_work_again_after_it_was_uncordoned(queue):
    agent = queue.register()
    queue.submit()
    with queue.database.transaction() as session:
        draining(session)
        steering.uncordon(session, "a1")
    assert queue.agent().state == AgentState.CONNECTED
    assert len(queue.offer(agent)) == 1


def queue_one_of_each(queue, count):
    """Queue a job of each of so many placements, the one with the highest number first."""
    keys = {}
    for number in reversed(range(count)):
        queue.submit(requires={"n": number}, label=str(number), priority_weight=number)
        keys[number] = Placement(QUEUE, None, {"n": number}).key
    return list(keys.values())


def test_a_claim_is_two_statements(queue):
    agent = queue.register(slots=64)
    keys = queue_one_of_each(queue, TOGETHER)
    with queue.database.recorded() as statements:
        assert len(queue.offer(agent, keys=keys)) == TOGETHER
    assert len(statements) == 2


def test_of_very_many_placements_those_whose_turn_it_is_are_claimed_first(queue):
    """A statement that names them all would be slow, and at some number impossible."""
    agent = queue.register(slots=64)
    keys = queue_one_of_each(queue, 60) + [f"{number:032x}" for number in range(1000)]
    queue.submit(label="too large", slots=65, requires={"large": True}, priority_weight=100)
    keys.append(Placement(QUEUE, None, {"large": True}).key)
    found = [labels(queue.offer(agent, keys=keys)) for _ in range(3)]
    everything = [str(number) for number in reversed(range(60))]
    assert found == [everything[:TOGETHER], everything[TOGETHER:], []]


def test_when_a_claim_commits_is_all_that_counts_for_a_cordon_on_sqlite(sqlite_tables):
    """It has no row locks: a cordon may come between the two statements of a claim, and then holds."""
    queue = QueueBed(sqlite_tables)
    agent = queue.register()
    id_ = queue.submit()
    came: list[bool] = []

    def get_in_between(_connection, _cursor, statement, *_):
        if "UPDATE edge_agent_job" in statement and not came:
            came.append(True)
            with sqlite_tables.transaction() as session:
                cordoned(session)

    event.listen(sqlite_tables.engine, "before_cursor_execute", get_in_between)
    try:
        assert (queue.offer(agent), queue.state(id_), came) == ([], JobState.QUEUED, [True])
    finally:
        event.remove(sqlite_tables.engine, "before_cursor_execute", get_in_between)
        sqlite_tables.clear()
