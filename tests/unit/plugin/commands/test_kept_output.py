"""What an XCom holds of both streams is bounded, says so where it is cut, and has no half characters."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.commands.answers import Output
from airflow_plugin.commands.kept_output import kept, shares
from edge_agent.protocol.streams import Stream

LIMIT = 262_144


class Written:
    """What some commands wrote, read as the queue lets one read it."""

    def __init__(self, *pairs: tuple[bytes, bytes]) -> None:
        self.outputs = {uuid4(): pair for pair in pairs}

    @property
    def ids(self) -> list[UUID]:
        return list(self.outputs)

    def output(self, job_id: UUID, stream: Stream = Stream.STDOUT, limit: int = LIMIT) -> Output:
        content = self.outputs[job_id][stream is Stream.STDERR]
        return Output(content[max(0, len(content) - limit) :], len(content), is_whole=True)


def test_what_is_short_stands_whole_with_both_streams_apart():
    written = Written((b"one\n", b""), ("\u00e9t\u00e9\n".encode(), b"oops\n"))
    assert kept(written, written.ids, LIMIT) == [("one\n", ""), ("\u00e9t\u00e9\n", "oops\n")]


def test_24_outputs_of_262_kb_stay_within_the_limit_and_each_keeps_its_end():
    """RemSvc made an XCom of 6.3 MB of this."""
    written = Written(*[(b"x" * 262_000 + b"the end %d\n" % number, b"") for number in range(24)])
    every = kept(written, written.ids, LIMIT)
    assert sum(len(out) + len(err) for out, err in every) < LIMIT + 24 * 100
    for number, (out, err) in enumerate(every):
        assert out.startswith("[the end of 2620")
        assert "more of it is in the task's log]\n" in out
        assert out.endswith(f"the end {number}\n")
        assert err == ""


def test_what_a_short_output_does_not_need_a_long_one_gets():
    written = Written((b"a" * 1000, b""), (b"b" * 10, b"c"))
    first, second = kept(written, written.ids, 500)
    assert second == ("b" * 10, "c")
    assert first.out == "[the end of 1000 bytes; more of it is in the task's log]\n" + "a" * 489


def test_what_is_no_utf_8_is_shown_as_bytes_and_the_rest_as_it_is():
    written = Written((b"caf\xe9 \x00 \xc3\xa9\n", b""))
    assert kept(written, written.ids, LIMIT) == [("caf\\xe9 \\x00 \u00e9\n", "")]


@pytest.mark.parametrize("limit", range(20, 30))
def test_a_cut_never_shows_a_part_of_a_character(limit):
    written = Written(("\u20ac\u00e9\U0001f600".encode() * 10, b""))
    ((out, _),) = kept(written, written.ids, limit)
    shown = out.partition("\n")[2]
    assert "\\x" not in shown
    assert "\ufffd" not in shown
    assert limit - 4 < len(shown.encode()) <= limit


def test_an_output_that_was_lost_on_its_way_does_not_look_whole():
    class Lost(Written):
        def output(self, job_id: UUID, stream: Stream = Stream.STDOUT, limit: int = LIMIT) -> Output:
            whole = super().output(job_id, stream, limit)
            return Output(whole.content, whole.total_bytes, is_whole=stream is not Stream.STDOUT)

    written = Lost((b"end\n", b"err\n"))
    assert kept(written, written.ids, LIMIT) == [
        ("[the end of 4 bytes; more of it is in the task's log]\nend\n", "err\n"),
    ]


@given(st.lists(st.integers(0, 10_000), max_size=50), st.integers(0, 100_000))
def test_shares_are_never_more_than_needed_nor_together_more_than_there_is(sizes, limit):
    given_out = shares(sizes, limit)
    assert all(share <= size for share, size in zip(given_out, sizes, strict=True))
    assert sum(given_out) <= limit
    if sum(sizes) <= limit:
        assert given_out == sizes
    else:
        assert sum(given_out) >= limit - len(sizes)
