"""Agent tokens: shown once, stored hashed, limited to queues and to a time, revoked at will."""

from __future__ import annotations

import pytest

from airflow_plugin.errors import Forbidden, Invalid, NotFound, SessionEnded, Unauthenticated
from airflow_plugin.queue import agents, tokens
from edge_agent.protocol import AgentState, JobState


def create(queue, name="t", **options):
    with queue.database.transaction() as session:
        return tokens.create(session, name, **options).get_secret_value()


def authenticate(queue, value, agent="a1", queues=("default",)):
    with queue.database.transaction() as session:
        return tokens.authenticate(session, value, agent, queues)


def listed(queue):
    with queue.database.transaction() as session:
        return tokens.listed(session)


def test_a_token_lets_an_agent_in_and_its_use_is_noted(queue):
    value = create(queue, created_by="admin", team="blue")
    assert authenticate(queue, value).team_name == "blue"
    (row,) = listed(queue)
    assert (row.name, row.created_by, row.last_used_by) == ("t", "admin", "a1")
    assert row.last_used_at is not None


def test_a_tokens_public_part_is_found_in_the_list_and_its_secret_part_is_not(queue):
    kind, public, secret = create(queue).split("_", 2)
    (row,) = listed(queue)
    assert (kind, row.prefix) == ("eat", public)
    assert secret not in repr(vars(row))
    assert len(secret) >= 43


SPOILT = {
    "nothing": lambda _: "",
    "its kind": lambda _: "eat_",
    "some text": lambda _: "not a token",
    "all but its end": lambda value: value[:-1],
    "it and more": lambda value: value + "x",
    "another kind": lambda value: value.replace("eat_", "eas_"),
    "it in capitals": lambda value: value.upper(),
    "its public part": lambda value: "_".join([*value.split("_", 2)[:2], "0" * 43]),
    "a pattern": lambda value: "eat_%_" + value.split("_", 2)[2],
    "its parts further apart": lambda value: value.replace("_", "__"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_instead_of_the_whole_token_nobody_is_let_in_with(queue, spoilt):
    value = create(queue)
    with pytest.raises(Unauthenticated, match="is not known here"):
        authenticate(queue, SPOILT[spoilt](value))


def test_an_expired_token_says_so_to_whoever_has_it(queue):
    value = create(queue, expires_in_days=2)
    queue.database.pass_time(2 * 86_400 - 5)
    authenticate(queue, value)
    queue.database.pass_time(10)
    with pytest.raises(Unauthenticated, match="'t' has expired"):
        authenticate(queue, value)


def test_a_revoked_token_says_so_and_stays_revoked(queue):
    value = create(queue)
    for _ in range(2):
        with queue.database.transaction() as session:
            tokens.revoke(session, "t")
    with pytest.raises(Unauthenticated, match="'t' was revoked"):
        authenticate(queue, value)
    with pytest.raises(NotFound, match="no token named 'other'"), queue.database.transaction() as session:
        tokens.revoke(session, "other")


def test_revoking_a_token_ends_the_sessions_it_opened_and_no_other(queue):
    agent, bystander = queue.register("a1"), queue.register("a2", team="blue")
    job = queue.put(JobState.OFFERED, agent)
    with queue.database.transaction() as session:
        assert tokens.revoke(session, "of-all") == 1
    with pytest.raises(SessionEnded):
        queue.beat(agent, 1)
    with pytest.raises(SessionEnded), queue.database.transaction() as session:
        agents.authenticate(session, agent.secret, agent.session_id)
    queue.beat(bystander, 1)
    assert queue.agent("a1").state == AgentState.CONNECTED, "the reaper finds it silent, as any other"
    assert queue.state(job.id) == JobState.OFFERED, "and until then its offer expires"


def test_a_token_allows_its_queues_and_names_those_it_does_not(queue):
    value = create(queue, queues=["a", "b"])
    authenticate(queue, value, queues=["b"])
    authenticate(queue, value, queues=["a", "b"])
    with pytest.raises(Forbidden, match="does not allow queue c, d; it allows a, b"):
        authenticate(queue, value, queues=["d", "a", "c"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "with space"}, "'with space' is not a name"),
        ({"name": ""}, "'' is not a name"),
        ({"name": "line\n"}, "is not a name"),
        ({"name": "x" * 65}, "at most 64"),
        ({"queues": ["good", "bad/queue"]}, "'bad/queue' is not a name"),
        ({"queues": []}, "allows no queue"),
        ({"expires_in_days": 0}, "cannot expire in 0 days"),
        ({"expires_in_days": -1}, "cannot expire in -1 days"),
        ({"team": "x" * 51}, "team"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(queue, options, message):
    with pytest.raises(Invalid, match=message):
        create(queue, **options)
    assert listed(queue) == []


def test_a_name_in_use_is_refused(queue):
    create(queue)
    with pytest.raises(Invalid, match="already a token named 't'"):
        create(queue)


def test_tokens_are_listed_by_name(queue):
    for name in ("c", "a", "b"):
        create(queue, name)
    assert [row.name for row in listed(queue)] == ["a", "b", "c"]
