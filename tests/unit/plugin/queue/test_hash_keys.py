"""Secrets are hashed under keys that Airflow's processes have and its database has not."""

from __future__ import annotations

import hashlib
import hmac
import logging

import pytest

from airflow_plugin.config import ConfigError
from airflow_plugin.queue.hash_keys import HashKeys, hash_keys
from tests.support.fernet import FERNET_KEY, new_fernet_key

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture
def configured(monkeypatch):
    """Give a function that reads the keys from what it is given as ``[core] fernet_key``."""

    def configured(written):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", written)
        hash_keys.cache_clear()
        return hash_keys()

    yield configured
    hash_keys.cache_clear()


def test_the_first_key_writes_and_every_key_verifies():
    before, after = HashKeys([OLD]), HashKeys([NEW, OLD])
    stored = before.digest("secret")
    assert after.match("secret", stored)
    assert after.digest("secret") == HashKeys([NEW]).digest("secret") != stored
    assert not HashKeys([OTHER]).match("secret", stored)
    assert not after.match("another", stored)


def test_a_hash_says_which_key_made_it():
    stored = HashKeys([OLD]).digest("secret")
    assert HashKeys([NEW, OLD]).know(stored)
    assert not HashKeys([NEW]).know(stored)


def test_without_a_key_it_is_plain_and_is_not_taken_for_more_once_there_is_one():
    """Or whoever can write the database could plant a hash of his own."""
    plain = HashKeys([]).digest("secret")
    assert plain == "sha256:" + hashlib.sha256(b"secret").hexdigest()
    assert HashKeys([]).match("secret", plain)
    assert not HashKeys([NEW]).match("secret", plain)
    assert not HashKeys([NEW]).know(plain)


def test_the_fernet_key_itself_is_used_for_nothing_else():
    """What it encrypts and what it hashes must not bear on each other."""
    direct = hmac.new(OLD, b"secret", hashlib.sha256).hexdigest()
    assert direct not in HashKeys([OLD]).digest("secret")


def test_what_is_stored_stays_the_same_between_releases():
    assert HashKeys([OLD]).digest("secret") == STORED


STORED = "f8e4ab92:e3e1c0d4c1ef6bd4f26a945f9df334828ab30d22d4192925d9af04431ba38f65"


def test_the_keys_are_those_of_airflow_the_first_one_writing(configured):
    newer = new_fernet_key()
    before = configured(FERNET_KEY).digest("secret")
    both = configured(f"{newer},{FERNET_KEY}")
    assert both.match("secret", before)
    assert both.digest("secret") == configured(newer).digest("secret")


@pytest.mark.parametrize("written", ["short", "c2hvcnQ=", f"{FERNET_KEY},x", "not base64 at all!"])
def test_what_is_no_fernet_key_is_refused_without_being_repeated(configured, written):
    with pytest.raises(ConfigError, match=r"\[core\] fernet_key must hold Fernet keys") as refused:
        configured(written)
    assert written not in str(refused.value)


def test_without_any_key_one_warning_says_what_to_do(configured, caplog):
    with caplog.at_level(logging.WARNING):
        configured("")
        hash_keys()
    (warning,) = [record.getMessage() for record in caplog.records if "fernet_key" in record.getMessage()]
    assert "generate_key()" in warning
    assert "tokens rotate" in warning
