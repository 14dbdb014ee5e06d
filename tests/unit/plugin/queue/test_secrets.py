"""Secrets: random, of three kinds, recognisable, found by their public part, stored as a hash."""

from __future__ import annotations

import re
import zlib

import pytest

from airflow_plugin.queue.secrets import (
    PATTERN,
    digest_of,
    digests_of,
    is_whole,
    lookup_of,
    matches,
    new_secret,
)
from edge_agent.protocol.secrets import AGENT_TOKEN, KINDS, REDACTED, SESSION_TOKEN, without_secrets

BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_secret_has_256_bits_that_are_never_the_same():
    values = {new_secret(AGENT_TOKEN).value.get_secret_value().split("_", 2)[2] for _ in range(100)}
    assert len(values) == 100
    assert all(len(value) == 49 for value in values)
    assert 62**43 > 2**256


def test_a_secret_is_found_by_its_public_part_and_known_by_its_hash():
    secret = new_secret(SESSION_TOKEN, "public")
    value = secret.value.get_secret_value()
    assert (secret.lookup, lookup_of(value, SESSION_TOKEN)) == ("public", "public")
    assert matches(value, secret.digest)
    assert secret.digest == digest_of(value) == digests_of(value)[0]
    assert len(secret.digest) <= 80


@pytest.mark.parametrize("kind", KINDS)
def test_neither_side_writes_it_into_a_log_whole_or_cut(kind):
    value = new_secret(kind).value.get_secret_value()
    session = new_secret(kind, "0" * 32).value.get_secret_value()
    for shown in (value, session, value[:-9]):
        assert without_secrets(f"with {shown}, and") == f"with {REDACTED}, and"


@pytest.mark.parametrize("kind", KINDS)
def test_a_scanner_finds_a_secret_whole_in_any_text(kind):
    value = new_secret(kind).value.get_secret_value()
    for text in (f"TOKEN={value}\n", f'{{"token": "{value}"}}', f"see {value}.", f"Bearer {value}"):
        assert re.findall(PATTERN, text) == [value]


def test_its_end_is_a_checksum_that_a_scanner_can_compute():
    value = new_secret(AGENT_TOKEN).value.get_secret_value()
    number = 0
    for digit in value[-6:]:
        number = number * 62 + BASE_62.index(digit)
    assert number == zlib.crc32(value[:-6].encode())


def test_any_change_of_one_character_is_noticed():
    value = new_secret(AGENT_TOKEN).value.get_secret_value()
    assert is_whole(value)
    for place, before in enumerate(value):
        changed = value[:place] + ("x" if before != "x" else "y") + value[place + 1 :]
        assert not is_whole(changed), place
        assert not is_whole(value[:place] + value[place + 1 :]), place


def test_a_secret_of_another_kind_is_not_looked_up():
    value = new_secret(AGENT_TOKEN).value.get_secret_value()
    assert lookup_of(value, SESSION_TOKEN) is None


@pytest.mark.parametrize("value", ["", "eat", "eat_", "eat_x", "x_y_z", "Bearer eat_x_y"])
def test_what_is_no_secret_has_no_public_part(value):
    assert lookup_of(value, AGENT_TOKEN) is None
    assert not is_whole(value)


@pytest.mark.parametrize("digest", [None, "", "0" * 64, "sha256:" + "0" * 64, "\N{SNOWMAN}"])
def test_nothing_matches_a_hash_that_is_not_there_or_of_something_else(digest):
    assert not matches("eat_x_y", digest)
    assert not matches("", digest)


def test_a_secret_does_not_show_itself():
    secret = new_secret(AGENT_TOKEN)
    assert secret.value.get_secret_value() not in repr(secret) + str(secret)
