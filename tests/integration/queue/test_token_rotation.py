"""Tokens over time: new secrets with an overlap, new keys for their hashes, and what is old goes."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import update

from airflow_plugin.errors import Forbidden, Invalid, NotFound, SessionEnded, Unauthenticated
from airflow_plugin.models import SecretRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.secrets import new_secret
from tests.integration.queue.token_steps import authenticate, create, listed, register, rotate, stored
from tests.support.fernet import FERNET_KEY, new_fernet_key


def test_after_a_rotation_both_secrets_work_until_the_overlap_is_over(queue):
    old = create(queue, expires_in_days=90)
    new = rotate(queue, overlap_seconds=3600)
    authenticate(queue, old)
    authenticate(queue, new)
    queue.database.pass_time(3605)
    with pytest.raises(Unauthenticated, match="This secret of the agent token 't' was replaced"):
        authenticate(queue, old)
    authenticate(queue, new)


def test_a_rotation_prolongs_neither_the_old_secret_nor_the_one_before_that(queue):
    first = create(queue, expires_in_days=1)
    second = rotate(queue, overlap_seconds=2 * 86_400, expires_in_days=90)
    third = rotate(queue, overlap_seconds=9 * 86_400, expires_in_days=90)
    queue.database.pass_time(86_400 + 5)
    with pytest.raises(Unauthenticated, match="was replaced"):
        authenticate(queue, first)
    authenticate(queue, second)
    authenticate(queue, third)


def test_a_rotation_keeps_what_the_token_allows_and_its_agents(queue):
    old = create(queue, queues=["default"], max_agents=1)
    register(queue, old, "a1")
    new = rotate(queue)
    register(queue, new, "a1")
    with pytest.raises(Forbidden, match="is for 1 agents"):
        register(queue, new, "a2")


def test_a_rotation_leaves_sessions_alone_unless_there_is_no_overlap(queue):
    agent = queue.register("a1")
    rotate(queue, "of-all")
    queue.beat(agent, 1)
    rotate(queue, "of-all", overlap_seconds=0)
    with pytest.raises(SessionEnded):
        queue.beat(agent, 2)


def test_a_revoked_token_is_not_rotated_and_an_expired_one_works_again(queue):
    create(queue, expires_in_days=1)
    queue.database.pass_time(2 * 86_400)
    authenticate(queue, rotate(queue, expires_in_days=1))
    with queue.database.transaction() as session:
        tokens.revoke(session, "t")
    with pytest.raises(Invalid, match="was revoked, and stays so"):
        rotate(queue)
    with pytest.raises(NotFound, match="no token named 'other'"):
        rotate(queue, "other")
    for seconds in (-1, 1e300, float("nan")):
        with pytest.raises(Invalid, match="an overlap cannot be"):
            rotate(queue, overlap_seconds=seconds)


# ------------------------------------------------------------------ keys


def test_a_new_key_in_front_takes_over_a_token_when_it_is_used(queue, use_key):
    newer = new_fernet_key()
    value = create(queue)
    use_key(f"{newer},{FERNET_KEY}")
    authenticate(queue, value)
    use_key(newer)
    authenticate(queue, value)


def test_a_token_whose_key_is_gone_is_unknown_and_the_log_says_why(queue, use_key, caplog):
    value = create(queue)
    use_key(new_fernet_key())
    with pytest.raises(Unauthenticated, match="is not known here"):
        authenticate(queue, value)
    assert "was stored under a Fernet key that is not there. Rotate it." in caplog.text
    assert value not in caplog.text


def test_who_writes_the_database_cannot_plant_a_secret(queue):
    """He has not the key; neither a plain hash nor another token's lets his secret in."""
    create(queue)
    (row,) = stored(queue)
    value = new_secret("eat", row.prefix).value.get_secret_value()
    plain = hashlib.sha256(value.encode()).hexdigest()
    for digest in (plain, f"sha256:{plain}", row.secret_hash):
        with queue.database.transaction() as session:
            session.execute(update(SecretRow).values(secret_hash=digest).execution_options(synchronize_session=False))
        with pytest.raises(Unauthenticated, match="is not known here"):
            authenticate(queue, value)


def test_sessions_go_on_under_a_new_key_in_front(queue, use_key):
    agent = queue.register()
    use_key(f"{new_fernet_key()},{FERNET_KEY}")
    queue.beat(agent, 1)
    use_key(new_fernet_key())
    with pytest.raises(SessionEnded):
        queue.beat(agent, 2)


# ------------------------------------------------------------------ what is old


def purge(queue, days=90):
    with queue.database.transaction() as session:
        return tokens.purge(session, days)


def test_tokens_that_have_not_worked_for_long_are_purged_with_their_secrets(queue):
    create(queue, "expired", expires_in_days=1)
    create(queue, "revoked")
    create(queue, "eternal")
    rotate(queue, "expired", expires_in_days=1)
    with queue.database.transaction() as session:
        tokens.revoke(session, "revoked")
    queue.database.pass_time(90 * 86_400 - 5)
    assert purge(queue) == 0
    queue.database.pass_time(86_405)
    assert purge(queue) == 2
    assert [row.name for row in listed(queue)] == ["eternal"]
    assert len(stored(queue)) == 1


def test_a_token_whose_agent_is_connected_is_kept_so_that_it_can_be_revoked(queue):
    value = create(queue, expires_in_days=1)
    register(queue, value, "a1")
    queue.database.pass_time(92 * 86_400)
    assert purge(queue) == 0
    with queue.database.transaction() as session:
        assert tokens.revoke(session, "t") == 1
