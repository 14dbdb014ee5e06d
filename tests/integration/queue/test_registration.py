"""A new session ends the one before it, and settles what the agent does not hold any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from airflow_plugin.errors import Forbidden, SessionEnded, Superseded
from airflow_plugin.models import AgentRow, Base
from airflow_plugin.queue import sessions, steering, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.reaper import lost
from edge_agent.protocol import AgentState, EndReason, JobState


def authenticate(queue, agent):
    with queue.database.transaction() as session:
        return sessions.authenticate(session, agent.ref)


def test_an_agent_stands_in_the_table_with_all_it_said(queue):
    agent = queue.register("host-1", queues=("a", "b"), slots=7, capabilities={"gpu": "a100"})
    row = queue.agent("host-1")
    assert (row.state, row.session_id, row.beat) == (AgentState.CONNECTED, agent.session_id, 0)
    assert (row.queues, row.slots, row.free_slots) == (["a", "b"], 7, 7)
    assert row.capabilities == {"gpu": "a100", "kind.task": True, "agent.name": "host-1"}
    assert (row.hostname, row.address, row.protocol_version) == ("host.example", "192.0.2.1", 1)
    assert row.versions["agent"] == "1"
    assert row.registered_at == row.last_seen_at
    assert agent.registered.agent.session_id == agent.session_id
    assert authenticate(queue, agent).name == "host-1"


def test_a_registration_says_nothing_of_an_agent_that_holds_nothing(queue):
    directives = queue.register().registered.directives
    assert (directives.cordoned, directives.drain, directives.cancel, directives.drop) == (False, False, (), ())


def test_registering_again_ends_the_session_before(queue):
    before, now = queue.register(), queue.register()
    assert before.session_id != now.session_id
    assert authenticate(queue, now).name == "a1"
    with pytest.raises(SessionEnded):
        authenticate(queue, before)


def test_another_process_is_told_that_it_was_superseded_and_by_whom(queue):
    before, now = queue.register(), queue.register()
    with pytest.raises(Superseded, match=r"on host host.example, registered as 'a1'"):
        authenticate(queue, before)
    assert now.session_id == queue.agent().session_id


def test_the_same_process_is_only_told_to_register_again(queue):
    """Its answer to the second registration may be on its way."""
    instance = uuid4()
    before, _ = queue.register(instance=instance), queue.register(instance=instance)
    with pytest.raises(SessionEnded) as refused:
        authenticate(queue, before)
    assert not isinstance(refused.value, Superseded)


def test_offers_of_the_session_before_go_back_at_once(queue):
    job = queue.put(JobState.OFFERED)
    directives = queue.register(held=[job.assignment]).registered.directives
    assert queue.state(job.id) == JobState.QUEUED
    assert directives.drop == (job.assignment,)


def test_what_is_held_goes_on(queue):
    job = queue.put(JobState.RUNNING)
    directives = queue.register(held=[job.assignment]).registered.directives
    row = queue.job(job.id)
    assert (row.state, row.assignment_id) == (JobState.RUNNING, job.assignment)
    assert (directives.cancel, directives.drop) == ((), ())


def test_what_is_not_held_any_more_failed_at_once(queue):
    job = queue.put(JobState.RUNNING)
    queue.register()
    row = queue.job(job.id)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.AGENT_RESTART)


def test_what_never_started_goes_back(queue):
    job = queue.put(JobState.RUNNING)
    queue.register(never_started=[job.assignment])
    row = queue.job(job.id)
    assert (row.state, row.notify) == (JobState.QUEUED, False)


def test_what_never_started_and_is_to_be_cancelled_is_cancelled(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    queue.register(never_started=[job.assignment])
    assert queue.state(job.id) == JobState.CANCELLED


def test_nobody_can_say_of_another_agents_job_that_it_never_started(queue):
    job = queue.put(JobState.RUNNING)
    queue.register("a2", never_started=[job.assignment], held=[job.assignment])
    assert queue.state(job.id) == JobState.RUNNING


def test_a_pending_cancel_is_told_with_the_registration(queue):
    job = queue.put(JobState.RUNNING)
    queue.cancel(job.id)
    assert queue.register(held=[job.assignment]).registered.directives.cancel == (job.assignment,)


def test_a_lost_agent_that_comes_back_is_told_what_was_taken_from_it(queue):
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(last_seen_at=AgentRow.registered_at))
        lost(session, heartbeat_seconds=-1, missed_heartbeats=1, listened_seconds=0)
    with pytest.raises(SessionEnded):
        queue.beat(job.agent, 1, [job.assignment])
    now = queue.register(held=[job.assignment])
    assert now.registered.directives.drop == (job.assignment,)
    assert queue.agent().state == AgentState.CONNECTED


def test_a_cordon_outlives_sessions(queue):
    queue.register()
    with queue.database.transaction() as session:
        steering.cordon(session, "a1", by="me", reason="disk")
    directives = queue.register().registered.directives
    assert (directives.cordoned, directives.cordon_reason) == (True, "disk")


def test_what_an_admin_set_for_an_agent_outlives_sessions_too(queue):
    queue.register(queues=["default", "x"], slots=4)
    own = {"slots_override": 2, "queues_override": ["x"], "heartbeat_seconds": 60.0, "missed_heartbeats": 5}
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(**own))
    registered = queue.register(queues=["default", "x"], slots=8).registered
    assert {name: getattr(registered.agent, name) for name in own} == own
    assert (registered.directives.slots, registered.directives.queues) == (2, ("x",))


def test_a_name_belongs_to_its_team(queue):
    queue.register(team="blue")
    before = queue.agent().session_id
    for team in ("red", None):
        with pytest.raises(Forbidden, match="belongs to an agent of another team"):
            queue.register(team=team)
    assert queue.agent().session_id == before
    queue.register(team="blue")


def test_the_beats_of_a_new_session_count_from_the_start(queue):
    queue.beat(queue.register(), 900)
    now = queue.register()
    job = queue.put(JobState.RUNNING, now)
    queue.beat(now, 1)
    queue.beat(now, 2)
    assert queue.state(job.id) == JobState.QUEUED


@pytest.mark.postgres
def test_processes_that_register_one_new_name_at_once_all_get_a_session_and_one_keeps_it(postgres_queue):
    queue = postgres_queue
    queue.token()
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: queue.register("a1"), range(8)))
    assert queue.agent().session_id in {each.session_id for each in opened}
    current = []
    for each in opened:
        try:
            current.append(authenticate(queue, each))
        except SessionEnded:
            continue
    assert len(current) == 1


def everything(session):
    """Return every value of every table of the queue, as text."""
    for table in Base.metadata.sorted_tables:
        for row in session.execute(select(table)):
            yield from (value.hex if isinstance(value, UUID) else repr(value) for value in row)


def test_no_secret_stands_in_any_table(queue):
    with queue.database.transaction() as session:
        token = tokens.create(session, "t", Allowance(queues=["a"])).get_secret_value()
        row = tokens.authenticate(session, token, "a1", ["a"])
        assert row.last_used_by in (None, "a1")
    agent = queue.register()
    queue.put(JobState.RUNNING, agent)
    with queue.database.transaction() as session:
        stored = " ".join(everything(session))
    for secret in (token, agent.secret):
        assert secret.split("_", 2)[2] not in stored
        assert secret not in stored
