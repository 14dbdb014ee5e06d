"""Whom a request comes from: nobody's word is taken but that of proxies we trust."""

from __future__ import annotations

import sys
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.api.peers import believes_everybody, peer_of
from airflow_plugin.config import ConfigError, QueueConfig

PROXIES = [ip_network("10.0.0.0/24"), ip_network("2001:db8:1::/48")]


def asked(client, *forwarded):
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"type": "http", "client": client and (client, 4711), "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "peer"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # Not a proxy of ours: whatever it says of itself, it is who it is.
        ("192.0.2.1", ["10.9.9.9"], "192.0.2.1"),
        ("10.0.0.7", ["192.0.2.1"], "192.0.2.1"),
        # It wrote the first entry itself; the proxy appended what it saw.
        ("10.0.0.7", ["10.9.9.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.7", ["10.9.9.9", "192.0.2.1"], "192.0.2.1"),
        # Two proxies of ours, one behind the other.
        ("10.0.0.7", ["192.0.2.1, 10.0.0.8"], "192.0.2.1"),
        ("10.0.0.7", ["198.51.100.1, 192.0.2.1, 10.0.0.8"], "192.0.2.1"),
        # One of our proxies asks by itself, as for a health check.
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["10.0.0.8"], "10.0.0.8"),
        ("::ffff:10.0.0.7", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("2001:db8:1::7", ["2001:db8:2::1"], "2001:db8:2::1"),
        ("10.0.0.7", ["[2001:db8:2::1]:4711"], "2001:db8:2::1"),
        ("10.0.0.7", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.7", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.7", ["192.0.2.1, unknown"], None),
        ("10.0.0.7", ["192.0.2.1,"], None),
        ("10.0.0.7", [""], None),
        (None, ["192.0.2.1"], None),
        ("testclient", [], None),
    ],
)
def test_the_last_address_that_a_proxy_of_ours_saw_counts(client, forwarded, peer):
    assert peer_of(asked(client, *forwarded), PROXIES) == peer


def test_without_proxies_of_ours_the_header_is_nothing():
    assert peer_of(asked("10.0.0.7", "192.0.2.1"), []) == "10.0.0.7"


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255), max_size=60), max_size=30))
def test_whatever_stands_in_the_header_an_address_or_none_comes_out(forwarded):
    found = peer_of(asked("10.0.0.7", *forwarded), PROXIES)
    assert found is None or str(ip_address(found)) == found


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255)), max_size=5))
def test_what_comes_before_a_true_entry_changes_nothing(forwarded):
    assert peer_of(asked("10.0.0.7", *forwarded, "192.0.2.1"), PROXIES) == "192.0.2.1"


def test_the_networks_of_proxies_are_read_once_and_a_wrong_one_is_named():
    config = QueueConfig(trusted_proxies=" 10.0.0.0/24, 2001:db8::1 ,")
    assert config.proxies == (ip_network("10.0.0.0/24"), ip_network("2001:db8::1/128"))
    assert QueueConfig().proxies == ()
    with pytest.raises(ConfigError, match="trusted_proxies: 'my-proxy' is not a network"):
        QueueConfig(trusted_proxies="10.0.0.1, my-proxy")


@pytest.mark.parametrize(
    ("words", "allowed", "server", "said"),
    [
        (["api-server"], "*", "uvicorn", None),
        (["api-server", "--proxy-headers"], None, "uvicorn", None),
        (["api-server", "--proxy-headers"], "10.0.0.0/24", "gunicorn", None),
        (["api-server", "--proxy-headers"], "*", "uvicorn", "FORWARDED_ALLOW_IPS is"),
        (["api-server", "--proxy-headers"], None, "gunicorn", "with gunicorn"),
    ],
)
def test_a_server_that_lets_anybody_choose_an_address_is_noticed(monkeypatch, words, allowed, server, said):
    monkeypatch.setattr(sys, "argv", ["airflow", *words])
    monkeypatch.setenv("AIRFLOW__API__SERVER_TYPE", server)
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)
    found = believes_everybody()
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")
