"""The proof of a request: one way to write it, and every part of the request in it."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.host_key import HostKey
from edge_agent.protocol import Proof
from edge_agent.protocol.proofs import signed_text

KEY = HostKey.fresh()
REQUEST = ("POST", "/agents/h1/poll?x=1", b"{}", "eas_1_x")
PROOF = KEY.prove(*REQUEST)


def holds(header, *request):
    proof = Proof.parse(header)
    try:
        Ed25519PublicKey.from_public_bytes(proof.public_key).verify(proof.signature, signed_text(*request))
    except InvalidSignature:
        return False
    return True


def test_a_proof_holds_for_its_request_and_reads_as_it_was_written():
    assert holds(PROOF, *REQUEST)
    assert str(Proof.parse(PROOF)) == PROOF


@pytest.mark.parametrize(
    "other",
    [
        ("DELETE", *REQUEST[1:]),
        (REQUEST[0], "/agents/h2/poll?x=1", *REQUEST[2:]),
        (REQUEST[0], "/agents/h1/poll?x=2", *REQUEST[2:]),
        (*REQUEST[:2], b"{ }", REQUEST[3]),
        (*REQUEST[:3], "eas_1_y"),
    ],
)
def test_it_holds_for_no_other(other):
    assert not holds(PROOF, *other)


def test_there_is_no_clock_in_it():
    """A host whose clock is wrong, or jumps, is like any other."""
    assert KEY.prove(*REQUEST) == PROOF


def test_it_names_the_key_that_made_it():
    other = Proof.parse(HostKey.fresh().prove(*REQUEST))
    assert not holds(f"{Proof.parse(PROOF).key}.{str(other).partition('.')[2]}", *REQUEST)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{86}", fullmatch=True))
def test_whatever_comes_is_read_in_the_one_way_it_is_written_or_not_at_all(header):
    try:
        proof = Proof.parse(header)
    except ValueError:
        return
    assert str(proof) == header
    assert (len(proof.public_key), len(proof.signature)) == (32, 64)


@pytest.mark.parametrize(
    "spoilt", ["", ".", PROOF + " ", " " + PROOF, PROOF + "=", PROOF[:-1], PROOF.replace(".", ":")]
)
def test_what_is_not_of_the_form_is_refused(spoilt):
    with pytest.raises(ValueError, match="not"):
        Proof.parse(spoilt)


@given(st.integers(0, 42), st.characters(codec="ascii"))
def test_a_key_cannot_be_written_in_two_ways(place, character):
    """Or one host had two names of its key, of which only one is known."""
    header = PROOF[:place] + character + PROOF[place + 1 :]
    try:
        proof = Proof.parse(header)
    except ValueError:
        return
    assert (proof.public_key == Proof.parse(PROOF).public_key) == (header == PROOF)
