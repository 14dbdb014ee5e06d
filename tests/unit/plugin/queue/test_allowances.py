"""What a token allows, and the sentence that says what it does not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.errors import Forbidden, Invalid
from airflow_plugin.models import TokenRow
from airflow_plugin.queue.allowances import (
    Allowance,
    TokenKind,
    allow_address,
    allow_agent,
    allow_queues,
    is_within,
    parse_address,
)


def token(**allowed):
    return TokenRow(name="t", **Allowance(**allowed).columns())


def test_without_bounds_everything_is_allowed():
    allow_queues(token(), ["any"])
    allow_agent(token(), "any")
    allow_address(token(), None)


def test_queues_that_are_not_allowed_are_named_with_those_that_are():
    allow_queues(token(queues=["a", "b"]), ["b", "a"])
    with pytest.raises(Forbidden, match="does not allow queue c, d; it allows a, b"):
        allow_queues(token(queues=["a", "b"]), ["d", "a", "c"])


@pytest.mark.parametrize("name", ["db-07", "web-1", "web-longer"])
def test_a_name_may_match_any_of_the_patterns(name):
    allow_agent(token(agents=["db-07", "web-*"]), name)


@pytest.mark.parametrize("name", ["db-070", "DB-07", "xweb-1", "web"])
def test_a_name_must_match_a_pattern_whole_and_in_its_case(name):
    with pytest.raises(Forbidden, match=f"does not allow the name '{name}'; it allows db-07, web-"):
        allow_agent(token(agents=["db-07", "web-*"]), name)


INSIDE = [
    ("10.1.2.3", "10.1.0.0/16"),
    ("10.1.2.3", "10.1.2.3"),
    ("::ffff:10.1.2.3", "10.1.0.0/16"),
    ("2001:db8::1", "2001:db8::/32"),
    ("2001:DB8:0::1", "2001:db8::1"),
    ("fe80::1%eth0", "fe80::/10"),
    ("127.0.0.1", "0.0.0.0/0"),
]
OUTSIDE = [
    ("10.2.0.1", "10.1.0.0/16"),
    ("2001:db9::1", "2001:db8::/32"),
    ("10.1.2.3", "::/0"),
    ("::1", "0.0.0.0/0"),
    ("", "0.0.0.0/0"),
    ("unknown", "0.0.0.0/0"),
    ("10.1.2.3, 10.9.9.9", "10.1.0.0/16"),
    (None, "0.0.0.0/0"),
]


@pytest.mark.parametrize(("address", "network"), INSIDE)
def test_an_address_within_a_network_is_allowed(address, network):
    allow_address(token(addresses=["192.0.2.0/24", network]), address)


@pytest.mark.parametrize(("address", "network"), OUTSIDE)
def test_any_other_is_refused_and_named_as_it_was_seen(address, network):
    with pytest.raises(Forbidden, match="is not allowed from") as refused:
        allow_address(token(addresses=["192.0.2.0/24", network]), address)
    assert (address or "an unknown address") in str(refused.value)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_the_same_however_it_came(address):
    assert parse_address(f"::ffff:{address}") == parse_address(str(address)) == address


@given(st.text())
def test_whatever_stands_for_an_address_is_one_or_none(text):
    parsed = parse_address(text)
    assert parsed is None or ip_address(str(parsed)) == parsed
    assert is_within(text, ["0.0.0.0/0", "::/0"]) == (parsed is not None)


NONSENSE = [
    ({"queues": []}, "allows no queue"),
    ({"queues": ["good", "bad/queue"]}, "'bad/queue' is not a name"),
    ({"queues": [f"q{n}" for n in range(101)]}, "may name 100 queues, not 101"),
    ({"agents": []}, "allows no agent"),
    ({"agents": ["has space"]}, "'has space' is not a name of an agent"),
    ({"addresses": []}, "1 to 100 networks"),
    ({"addresses": ["10.0.0.1/8"]}, "'10.0.0.1/8' is not a network"),
    ({"addresses": ["everywhere"]}, "'everywhere' is not a network"),
    ({"addresses": ["::ffff:10.0.0.0/104"]}, "write it as IPv4"),
    ({"max_agents": 0}, "for 0 agents lets nobody in"),
    ({"team_name": "x" * 51}, "Airflow allows 50"),
    ({"description": "x" * 1001}, "may have 1000 characters"),
    ({"run_as_users": ["batch"]}, "belong to a submit token"),
    ({"kind": TokenKind.SUBMIT, "run_as_users": ["-u root"]}, "'-u root' is not a name of a user"),
    ({"kind": TokenKind.SUBMIT, "one_time": True}, "registers no agents"),
    ({"kind": TokenKind.SUBMIT, "max_agents": 1}, "registers no agents"),
    ({"kind": TokenKind.SUBMIT, "agents": ["a*"]}, "registers no agents"),
    ({"kind": TokenKind.SUBMIT, "connections": []}, "registers no agents"),
    ({"connections": [""]}, "'' is not a connection's name"),
    ({"variables": ["a\nb"]}, "is not a variable's name"),
    ({"variables": ["x" * 251]}, "is not a variable's name"),
    ({"connections": ["x"] * 101}, "may name 100 patterns of connections, not 101"),
]


@pytest.mark.parametrize(("allowed", "message"), NONSENSE)
def test_what_makes_no_sense_is_refused(allowed, message):
    with pytest.raises(Invalid, match=message):
        Allowance(**allowed)
