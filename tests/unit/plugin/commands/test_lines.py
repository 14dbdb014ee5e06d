"""Whole lines out of bytes in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.commands.lines import LONGEST_LINE, LogLines
from edge_agent.protocol.streams import Stream, Streams, Weaver


def read(content, pieces=(), streams=Streams.TOGETHER, start=0):
    """Return the lines of a log that comes in pieces cut at these places."""
    said: list[str] = []
    lines, at = LogLines(start, streams), 0
    for end in [*sorted(min(piece, len(content)) for piece in pieces), len(content)]:
        said += lines.feed(content[at:end], start + end)
        at = end
    return [*said, *lines.finish()]


def test_bytes_that_are_no_text_are_shown_and_lose_nothing_of_the_line():
    assert read(b"caf\xe9 au lait\n") == ["caf\\xe9 au lait"]


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_character_on_the_edge_of_two_pieces_is_itself(cut):
    assert read("aé€😀\n".encode(), [cut]) == ["aé€😀"]


def test_the_last_line_needs_no_end():
    assert read(b"one\r\ntwo") == ["one", "two"]


def test_a_line_that_never_ends_is_cut_between_characters():
    text = "a" + "€" * LONGEST_LINE
    said = read(text.encode())
    assert "".join(said) == text
    assert max(len(each.encode()) for each in said) <= LONGEST_LINE


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_pieces_make_no_difference(content, pieces):
    assert read(content, pieces) == read(content)


@given(
    st.lists(st.tuples(st.sampled_from(Stream), st.text(max_size=8)), max_size=8),
    st.lists(st.integers(0, 99), max_size=4),
)
def test_streams_that_are_apart_are_shown_without_marks(parts, pieces):
    weaver = Weaver()
    woven = b"".join(weaver.weave(stream, text.encode()) for stream, text in parts)
    plain = "".join(text for _, text in parts).encode()
    said = read(woven, pieces, Streams.APART)
    # A line may end in a mark alone, which is shown as nothing.
    assert "\n".join(said).rstrip("\n") == "\n".join(read(plain)).rstrip("\n")


def test_the_offset_is_the_end_of_the_last_whole_line():
    lines = LogLines(100)
    assert [*lines.feed(b"one\ntw", 106)] == ["one"]
    assert (lines.offset, lines.position) == (104, 106)
    assert [*lines.finish()] == ["tw"]
    assert lines.offset == 106


def test_lines_settle_some_time_after_they_were_handed_on():
    lines = LogLines(0)
    list(lines.feed(b"one\n", 4))
    lines.note(10.0)
    list(lines.feed(b"two\n", 8))
    lines.note(12.0)
    lines.note(13.0)
    assert (lines.settled(9.0), lines.unsettled_since, lines.last_said) == (0, 10.0, 12.0)
    assert (lines.settled(10.0), lines.unsettled_since) == (4, 12.0)
    assert (lines.settled(12.0), lines.unsettled_since, lines.last_said) == (8, None, None)
