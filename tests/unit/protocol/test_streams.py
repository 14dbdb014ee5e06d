"""Two streams in one log, and the same two again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.protocol.streams import ON_STDERR, REPEAT_BYTES, Stream, Unweaver, Weaver, shifts_in

OUT, ERR = Stream.STDOUT, Stream.STDERR

BYTES = st.lists(st.sampled_from([b"\x0e", b"\x0f", b"\x10", b"a", b"\n", b"\xff", "é".encode()]), max_size=12)
SAID = st.lists(st.tuples(st.sampled_from(Stream), st.one_of(st.binary(max_size=40), BYTES.map(b"".join))), max_size=12)


def weave(said):
    weaver = Weaver()
    return b"".join(weaver.weave(stream, content) for stream, content in said)


def pieces_of(log, places):
    """Cut a log in pieces, some of which may be empty."""
    cuts = [0, *sorted(place % (len(log) + 1) for place in places), len(log)]
    return [log[begin:end] for begin, end in pairwise(cuts)]


def unweave(pieces):
    unweaver = Unweaver()
    return [part for piece in pieces for part in unweaver.unweave(piece)]


def all_of(stream, said):
    return b"".join(content for each, content in said if each is stream)


@given(said=SAID, places=st.lists(st.integers(0, 500), max_size=12))
def test_what_was_woven_is_told_apart_again_in_whatever_pieces_it_comes(said, places):
    found = unweave(pieces_of(weave(said), places))
    for stream in Stream:
        assert all_of(stream, found) == all_of(stream, said)


@given(said=SAID, places=st.lists(st.integers(0, 500), max_size=12))
def test_people_read_what_was_said_in_the_order_in_which_it_was_woven(said, places):
    plain = Unweaver().plain
    log = b"".join(plain(piece) for piece in pieces_of(weave(said), places))
    assert log == b"".join(content for _, content in said)


@given(content=st.binary().filter(lambda content: not {*b"\x0e\x0f\x10"} & {*content}))
def test_a_log_of_standard_output_alone_is_its_bytes(content):
    assert weave([(OUT, content)]) == content


def test_a_shift_stands_where_the_stream_changes_and_nowhere_else():
    said = [(OUT, b"one\n"), (OUT, b"two\n"), (ERR, b"three\n"), (ERR, b""), (OUT, b""), (ERR, b"four\n"), (OUT, b"5")]
    assert weave(said) == b"one\ntwo\n\x0ethree\nfour\n\x0f5"


def test_a_byte_that_looks_like_a_shift_means_itself():
    assert weave([(OUT, b"a\x0eb\x0fc\x10")]) == b"a\x10\x0eb\x10\x0fc\x10\x10"


def test_the_shift_of_a_long_stream_is_repeated():
    weaver, piece = Weaver(), b"x" * 1000
    log = b"".join(weaver.weave(OUT, piece) for _ in range(200))
    places = [*shifts_in(log)]
    assert len(places) == len(log) // (REPEAT_BYTES + 1000)
    gaps = [end - begin for begin, end in pairwise([0, *places, len(log)])]
    assert max(gaps) <= REPEAT_BYTES + 1000
    assert all_of(OUT, unweave([log])) == piece * 200


@given(said=SAID, middle=st.integers(0, 500))
def test_whoever_comes_in_the_middle_finds_his_place_at_a_shift(said, middle):
    """From there on the streams are those of the whole log."""
    log = weave(said)
    middle %= len(log) + 1
    for place in shifts_in(log[middle:]):
        before, behind = log[: middle + place], log[middle + place :]
        whole = unweave([before, behind])
        for stream in Stream:
            assert all_of(stream, unweave([before])) + all_of(stream, unweave([behind])) == all_of(stream, whole)


@pytest.mark.parametrize("log", [b"", b"abc", b"\x0e", b"\x10\x0e", b"\x10\x10\x0e", b"a\x10\x0eb", b"a\x10"])
def test_what_may_mean_itself_is_no_place_to_begin(log):
    assert [*shifts_in(log)] == []


@pytest.mark.parametrize(("log", "places"), [(b"a\x0eb\x0fc", [1, 3]), (b"a\x10\x10\x0eb", [3]), (b"\x0e\x0fa", [1])])
def test_a_shift_that_can_be_nothing_else_is_a_place_to_begin(log, places):
    assert [*shifts_in(log)] == places


def test_a_line_that_somebody_adds_is_one_of_standard_error_until_the_next_shift():
    log = b"one\n" + f"{ON_STDERR}note\n".encode() + b"\x0ftwo\n"
    assert unweave([log]) == [(OUT, b"one\n"), (ERR, b"note\n"), (OUT, b"two\n")]


def test_terminals_show_nothing_for_a_shift():
    """All three are controls of ASCII without a picture, and not those that move the cursor or ring."""
    for byte in b"\x0e\x0f\x10":
        assert not chr(byte).isprintable()
        assert not chr(byte).isspace()
        assert byte not in b"\a\b\x1b"
