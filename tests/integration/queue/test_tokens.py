"""Tokens: shown once, stored hashed, bounded in what they allow and for how long, revoked at will."""

from __future__ import annotations

import pytest

from airflow_plugin.errors import Forbidden, Invalid, NotFound, SessionEnded, Unauthenticated
from airflow_plugin.queue import sessions, submitters, tokens
from airflow_plugin.queue.allowances import TokenKind
from airflow_plugin.queue.secrets import new_secret
from edge_agent.protocol import AgentState, JobState
from tests.integration.queue.token_steps import authenticate, create, listed, register, rotate, stored


def test_a_token_lets_an_agent_in_and_its_use_is_noted(queue):
    value = create(queue, created_by="admin", team_name="blue")
    assert authenticate(queue, value, address="192.0.2.7").team_name == "blue"
    (row,) = listed(queue)
    assert (row.name, row.created_by, row.last_used_by, row.last_used_address) == ("t", "admin", "a1", "192.0.2.7")
    assert row.last_used_at is not None


def test_a_tokens_public_part_is_found_in_the_list_and_its_secret_part_is_not(queue):
    kind, public, secret = create(queue).split("_", 2)
    (row,) = stored(queue)
    assert (kind, row.prefix) == ("eat", public)
    assert secret not in repr(vars(row)) + repr(vars(listed(queue)[0]))


SPOILT = {
    "nothing": lambda _: "",
    "its kind": lambda _: "eat_",
    "some text": lambda _: "not a token",
    "all but its end": lambda value: value[:-1],
    "it and more": lambda value: value + "x",
    "a session's": lambda value: value.replace("eat_", "eas_"),
    "a submit token": lambda _: new_secret("est").value.get_secret_value(),
    "it in capitals": lambda value: value.upper(),
    "its public part": lambda value: "_".join([*value.split("_", 2)[:2], "0" * 49]),
    "a pattern": lambda value: "eat_%_" + value.split("_", 2)[2],
    "its parts further apart": lambda value: value.replace("_", "__"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_no_token_at_all_is_said_so_before_anything_is_looked_up(queue, spoilt):
    value = create(queue)
    with queue.database.recorded() as statements, pytest.raises(Unauthenticated, match="or not the whole of one"):
        authenticate(queue, SPOILT[spoilt](value))
    assert statements == []


def test_another_secret_with_the_same_public_part_lets_nobody_in(queue):
    value = create(queue)
    guessed = new_secret("eat", value.split("_")[1]).value.get_secret_value()
    for wrong in (guessed, new_secret("eat").value.get_secret_value()):
        with pytest.raises(Unauthenticated, match="is not known here"):
            authenticate(queue, wrong)
    assert listed(queue)[0].last_used_at is None


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
        sessions.authenticate(session, agent.ref)
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
        ({"expires_in_days": 0}, "cannot expire in 0 days"),
        ({"expires_in_days": -1}, "cannot expire in -1 days"),
        ({"expires_in_days": 1e300}, "at most 36500"),
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


# ------------------------------------------------------------------ bounds


def test_a_token_lets_in_only_the_names_and_addresses_it_allows(queue):
    value = create(queue, agents=["db-*"], addresses=["10.1.0.0/16"])
    authenticate(queue, value, agent="db-07", address="10.1.2.3")
    with pytest.raises(Forbidden, match="does not allow the name 'web-1'"):
        authenticate(queue, value, agent="web-1", address="10.1.2.3")
    for address in ("10.2.2.3", None):
        with pytest.raises(Forbidden, match="is not allowed from"):
            authenticate(queue, value, agent="db-07", address=address)


def test_a_token_for_two_agents_lets_no_third_in_until_one_is_deleted(queue):
    value = create(queue, max_agents=2)
    for name in ("a1", "a2", "a1"):
        register(queue, value, name)
    with pytest.raises(Forbidden, match=r"is for 2 agents, and there are a1, a2"):
        register(queue, value, "a3")
    queue.delete("a1")
    register(queue, value, "a3")


def test_a_one_time_token_registers_its_first_agent_again_and_again_and_no_other(queue):
    value = create(queue, one_time=True)
    register(queue, value, "a1")
    register(queue, value, "a1")
    with pytest.raises(Forbidden, match="has registered the agent 'a1' and registers no other"):
        register(queue, value, "a2")
    queue.delete("a1")
    with pytest.raises(Forbidden, match="has registered the agent 'a1'"):
        register(queue, value, "a2")
    register(queue, value, "a1")


def test_a_refused_registration_enrols_nobody(queue):
    value = create(queue, one_time=True, queues=["gpu"])
    with pytest.raises(Forbidden, match="does not allow queue default"):
        authenticate(queue, value, agent="a1")
    assert listed(queue)[0].enrolled_agent is None
    assert authenticate(queue, value, agent="a2", queues=["gpu"]).name == "t"


def test_a_deployment_has_a_bounded_number_of_tokens_that_work(queue):
    create(queue, "brief", expires_in_days=1, most=2)
    create(queue, "second", most=2)
    with pytest.raises(Invalid, match=r"there are 2 tokens, and \[edge_agent\] max_tokens allows 2; revoke one"):
        create(queue, "third", most=2)
    queue.database.pass_time(2 * 86_400)
    create(queue, "third", most=2)
    with queue.database.transaction() as session:
        tokens.revoke(session, "second")
    create(queue, "fourth", most=2)
    with pytest.raises(Invalid, match="there are 2 tokens"):
        rotate(queue, "brief", most=2)


# ------------------------------------------------------------------ submit tokens


def submitter(queue, value, address=None):
    with queue.database.transaction() as session:
        return submitters.authenticate(session, value, address)


def test_a_submit_token_allows_its_users_and_addresses_and_no_others(queue):
    value = create(queue, kind=TokenKind.SUBMIT, run_as_users=["etl"], addresses=["10.0.0.0/8"])
    token = submitter(queue, value, "10.1.1.1")
    assert token.name == "t"
    submitters.allow_user(token, "etl")
    submitters.allow_user(token, None)
    with pytest.raises(Forbidden, match="does not allow to run as 'root'; users it allows: etl"):
        submitters.allow_user(token, "root")
    with pytest.raises(Forbidden, match=r"not allowed from 192\.0\.2\.1"):
        submitter(queue, value, "192.0.2.1")


def test_a_submit_token_lets_nobody_run_as_another_unless_it_says_so(queue):
    token = submitter(queue, create(queue, kind=TokenKind.SUBMIT))
    with pytest.raises(Forbidden, match="users it allows: none"):
        submitters.allow_user(token, "nobody")


def test_the_last_use_of_a_submit_token_is_written_once_a_minute(queue):
    value = create(queue, kind=TokenKind.SUBMIT)
    submitter(queue, value, "10.0.0.1")
    with queue.database.recorded() as statements:
        submitter(queue, value, "10.0.0.2")
    assert not any("UPDATE" in statement for statement, _ in statements)
    assert _row(queue).last_used_address == "10.0.0.1"
    queue.database.pass_time(61)
    submitter(queue, value, "10.0.0.2")
    assert _row(queue).last_used_address == "10.0.0.2"


def _row(queue):
    with queue.database.transaction() as session:
        return tokens.listed(session)[0]


def test_a_token_of_one_kind_is_none_of_the_other(queue):
    submitting, registering = create(queue, "s", kind=TokenKind.SUBMIT), create(queue, "r")
    assert submitting.startswith("est_")
    with pytest.raises(Unauthenticated, match=r"This is no agent token"):
        authenticate(queue, submitting)
    with pytest.raises(Unauthenticated, match=r"This is no submit token"):
        submitter(queue, registering)
