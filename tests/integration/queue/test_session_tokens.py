"""A session's token is short-lived: a beat brings the next one, and no lost answer costs the session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import SessionEnded
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agents, sessions, tokens
from edge_agent.protocol import Beat, JobState

HALF = 1801
LIFE = 3601


def authenticate(queue, ref):
    with queue.database.transaction() as session:
        return sessions.authenticate(session, ref)


def hear(session, ref):
    return agents.hear(session, ref, Beat(number=1, free_slots=0), token_seconds=3600)


def going_on(agent, heard):
    """Return the agent with the token it was given."""
    return replace(agent, secret=heard.next_token.get_secret_value())


def test_a_young_token_is_not_replaced(queue):
    agent = queue.register()
    queue.database.pass_time(HALF - 2)
    assert queue.beat(agent, 1).next_token is None


def test_from_half_of_its_life_on_a_beat_brings_the_next_one(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    assert following.secret != agent.secret
    assert authenticate(queue, following.ref).name == "a1"
    assert queue.beat(following, 2).next_token is None


def test_a_beat_whose_answer_was_lost_gets_the_same_again(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    told = {queue.beat(agent, number).next_token.get_secret_value() for number in (1, 1, 2)}
    assert len(told) == 1
    assert authenticate(queue, agent.ref).name == "a1"


def test_the_one_before_goes_on_until_a_beat_shows_the_next(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    authenticate(queue, following.ref)
    assert queue.beat(agent, 2).next_token.get_secret_value() == following.secret
    queue.beat(following, 3)
    with pytest.raises(SessionEnded):
        authenticate(queue, agent.ref)


def test_the_answer_to_the_first_use_of_the_next_may_be_lost_as_well(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    for _ in range(2):
        assert queue.beat(following, 2).next_token is None
    assert authenticate(queue, following.ref).name == "a1"


def test_a_session_lives_for_days_on_tokens_of_an_hour(queue):
    agent = queue.register()
    job = queue.put(JobState.RUNNING, agent)
    seen = {agent.secret}
    for number in range(1, 100):
        queue.database.pass_time(1000)
        heard = queue.beat(agent, number, [job.assignment])
        agent = going_on(agent, heard) if heard.next_token else agent
        seen.add(agent.secret)
    assert len(seen) > 30
    assert queue.state(job.id) == JobState.RUNNING


@pytest.mark.parametrize("use", [sessions.authenticate, agents.refresh, hear])
def test_an_expired_token_is_over_and_says_so(queue, use):
    agent = queue.register()
    queue.database.pass_time(LIFE)
    over = pytest.raises(SessionEnded, match=r"has expired.*Register again")
    with over, queue.database.transaction() as session:
        use(session, agent.ref)


def test_the_next_one_is_over_with_the_one_before_when_no_beat_shows_it(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    queue.database.pass_time(HALF)
    with pytest.raises(SessionEnded):
        queue.beat(following, 2)


def test_a_revoked_token_takes_the_next_one_with_it(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    with queue.database.transaction() as session:
        tokens.revoke(session, "of-all")
    for each in (agent, following):
        with pytest.raises(SessionEnded):
            authenticate(queue, each.ref)


def test_a_new_session_takes_the_next_one_of_the_session_before_with_it(queue):
    agent = queue.register()
    queue.database.pass_time(HALF)
    following = going_on(agent, queue.beat(agent, 1))
    now = queue.register()
    with pytest.raises(SessionEnded):
        authenticate(queue, replace(following, session_id=now.session_id).ref)


def test_an_agent_that_beats_seldom_has_a_token_for_four_beats(queue):
    queue.register()
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(heartbeat_seconds=10_000))
    agent = queue.register()
    queue.database.pass_time(15_000)
    assert queue.beat(agent, 1).next_token is None
    queue.database.pass_time(10_000)
    assert queue.beat(agent, 2).next_token is not None


def test_it_has_one_for_four_beats_also_when_all_agents_beat_seldom():
    assert QueueConfig(heartbeat_seconds=1000).session_life_seconds == 4000
    assert QueueConfig(heartbeat_seconds=10).session_life_seconds == 3600


def test_a_beat_costs_no_statement_more_while_the_token_is_young(queue):
    agent = queue.register()
    with queue.database.recorded() as statements:
        queue.beat(agent, 1)
    assert len(statements) == 1
