"""Secrets: random, of two kinds, found by their public part, stored as a hash."""

from __future__ import annotations

import pytest

from airflow_plugin.queue.secrets import (
    AGENT_TOKEN,
    SESSION_TOKEN,
    digest_of,
    lookup_of,
    matches,
    new_secret,
)


def test_a_secret_has_256_bits_that_are_never_the_same():
    values = {new_secret(AGENT_TOKEN).value.get_secret_value().split("_", 2)[2] for _ in range(100)}
    assert len(values) == 100
    assert all(len(value) == 43 for value in values)


def test_a_secret_is_found_by_its_public_part_and_known_by_its_hash():
    secret = new_secret(SESSION_TOKEN, "public")
    value = secret.value.get_secret_value()
    assert (secret.lookup, lookup_of(value, SESSION_TOKEN)) == ("public", "public")
    assert matches(value, secret.digest)
    assert secret.digest == digest_of(value)
    assert len(secret.digest) == 64


def test_a_secret_of_another_kind_is_not_looked_up():
    value = new_secret(AGENT_TOKEN).value.get_secret_value()
    assert lookup_of(value, SESSION_TOKEN) is None


@pytest.mark.parametrize("value", ["", "eat", "eat_", "eat_x", "x_y_z", "Bearer eat_x_y"])
def test_what_is_no_secret_has_no_public_part(value):
    assert lookup_of(value, AGENT_TOKEN) is None


@pytest.mark.parametrize("digest", [None, "", "0" * 64])
def test_nothing_matches_a_hash_that_is_not_there_or_of_something_else(digest):
    assert not matches("eat_x_y", digest)
    assert not matches("", digest)


def test_a_secret_does_not_show_itself():
    secret = new_secret(AGENT_TOKEN)
    assert secret.value.get_secret_value() not in repr(secret) + str(secret)
