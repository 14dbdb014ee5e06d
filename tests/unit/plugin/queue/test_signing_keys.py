"""Jobs are signed with keys that Airflow's processes have and its database has not."""

from __future__ import annotations

import base64
import logging

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from airflow_plugin.queue.fernet_keys import derived
from airflow_plugin.queue.signing_keys import SigningKeys, signing_keys
from edge_agent.protocol.signatures import MAX_KEYS, MAX_SIGNATURE, signed_key
from tests.support.fernet import FERNET_KEY, new_fernet_key

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture
def configured(monkeypatch):
    """Give a function that reads the keys from what it is given as ``[core] fernet_key``."""

    def configured(written):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", written)
        signing_keys.cache_clear()
        return signing_keys()

    yield configured
    signing_keys.cache_clear()


def verify(key, signature, content):
    name, _, value = signature.partition(":")
    assert name == key.id
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.key))
    public.verify(base64.b64decode(value), content)


def test_the_first_key_signs():
    keys = SigningKeys([NEW, OLD])
    signature = keys.sign(b"content")
    verify(keys.published[0], signature, b"content")
    assert signature == SigningKeys([NEW]).sign(b"content")
    assert len(str(signature)) <= MAX_SIGNATURE


def test_every_key_is_certified_by_all_others():
    for one in (published := SigningKeys([NEW, OLD, OTHER]).published):
        by = {each.id: each for each in published if each is not one}
        assert [certificate.signature.partition(":")[0] for certificate in one.certificates] == list(by)
        for certificate in one.certificates:
            name = certificate.signature.partition(":")[0]
            verify(by[name], certificate.signature, signed_key(one.key, certificate.until))


def test_a_key_stays_the_same_between_releases():
    assert [key.key for key in SigningKeys([OLD]).published] == [PUBLISHED]


PUBLISHED = "tNLMFFCWfQ7im17g4wl87OCX+R7dfBXztHxt/VO2yVg="


def test_no_two_uses_of_a_fernet_key_have_a_key_in_common():
    keys = {OLD, derived(OLD, "signatures 1"), derived(OLD, "secret hashes 1")}
    assert len(keys) == 3


def test_more_keys_than_fit_a_message_are_left_out():
    assert len(SigningKeys([bytes([number]) * 32 for number in range(MAX_KEYS + 1)]).published) == MAX_KEYS


def test_without_a_key_nothing_is_signed_and_a_warning_says_what_that_means(configured, caplog):
    with caplog.at_level(logging.WARNING):
        keys = configured("")
    assert keys.sign(b"content") is None
    assert keys.published == ()
    assert "jobs are not signed. Who can write the metadata database" in caplog.text


def test_the_keys_are_those_of_airflow_the_first_one_signing(configured):
    newer = new_fernet_key()
    before = configured(FERNET_KEY).published[0]
    both = configured(f"{newer},{FERNET_KEY}").published
    assert both[1].key == before.key
    assert both[0].key == configured(newer).published[0].key
