"""A log on the disk of its host, of which the oldest bytes may have to go before the server has them."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.protocol.streams import ON_STDERR, REPEAT_BYTES, Stream, Unweaver, Weaver
from edge_agent.spooled_log import LAST_BYTES, RECORD_BYTES, SpooledLog

BLOCK = 4096


class Site:
    """One log, the job that writes it, and a server that takes bytes by offset."""

    def __init__(self, folder, *, is_woven=False):
        self.folder = folder
        self.is_woven = is_woven
        self.path = folder / "output.log"
        self.written = b""
        self.server = bytearray()
        self.log = self.restart()

    def restart(self):
        note = f"{ON_STDERR * self.is_woven}[{{}}]\n".format
        self.log = SpooledLog(self.path, self.folder, note=note, is_woven=self.is_woven)
        return self.log

    def write(self, content):
        self.written += content
        with self.path.open("ab") as file:
            file.write(content)

    def send(self, most_bytes, outcome="taken"):
        """Send a chunk: it is taken, the answer to it is lost, or it never arrives."""
        chunk, offset = self.log.read(most_bytes), self.log.delivered
        if outcome != "never arrived":
            assert offset <= len(self.server), "a gap"
            self.server += chunk[len(self.server) - offset :]
        if outcome == "taken":
            self.log.settle(len(self.server))
        return chunk

    def send_all(self):
        while self.send(10_000):
            pass

    def free(self):
        self.log.free(self.log.spare())


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def lines(count, width=100):
    return b"".join(b"%0*d\n" % (width - 1, number) for number in range(count))


def accounts_for(log, written):
    """Whether a log is what was written, with each note in the place of as many bytes as it says."""
    begins = {0}
    for text, note in re.findall(rb"([^\[]*)(\[\d+\]\n|\Z)", log):
        # A note begins a line; the line end before it is either the job's own or was added.
        texts = {text, text[:-1]} if note and text.endswith(b"\n") else {text}
        begins = {begin + len(each) for begin in begins for each in texts if written.startswith(each, begin)}
        if note:
            begins = {begin + int(note[1:-2]) for begin in begins}
    return len(written) in begins


LETTERS = st.text("ab\n", max_size=30).map(lambda text: (text * 700).encode())
STEPS = st.one_of(
    st.tuples(st.just("write"), LETTERS),
    st.tuples(
        st.just("send"),
        st.tuples(st.integers(1, 30_000), st.sampled_from(["taken", "taken", "answer lost", "never arrived"])),
    ),
    st.tuples(st.just("drop"), st.integers(1, 30_000)),
    st.tuples(st.sampled_from(["free", "restart"]), st.none()),
)


@given(st.lists(STEPS, max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_is_given_up_and_whoever_dies_each_byte_arrives_once_or_is_accounted_for(steps):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        for kind, what in steps:
            if kind == "write":
                site.write(what)
            elif kind == "send":
                site.send(*what)
            elif kind == "drop":
                site.log.drop(what)
            else:
                getattr(site, kind)()
        end = site.log.delivered + site.log.left_bytes()
        site.send_all()
        assert site.log.delivered == end, "it was said how much is left"
        assert b"\0" not in site.server, "a hole was taken for the log"
        assert accounts_for(bytes(site.server), site.written)


def test_the_oldest_whole_lines_go_and_the_disk_gets_their_place_back(site):
    site.write(lines(1000))
    assert site.log.drop(49_950) == 50_000
    site.free()
    assert site.log.disk_bytes() <= 50_000 + BLOCK
    assert site.path.stat().st_size == 100_000
    site.send_all()
    assert bytes(site.server) == b"[50000]\n" + lines(1000)[50_000:]


def test_what_goes_in_several_steps_has_one_line(site):
    site.write(lines(1000))
    for _ in range(3):
        site.log.drop(10_000)
        site.free()
    site.send_all()
    assert bytes(site.server) == b"[30000]\n" + lines(1000)[30_000:]


def test_the_line_begins_a_line_of_its_own(site):
    site.write(lines(10))
    site.send(150)
    site.log.drop(1)
    site.send_all()
    assert bytes(site.server) == lines(10)[:150] + b"\n[50]\n" + lines(10)[200:]


def test_what_is_under_way_stays_what_it_is(site):
    site.write(lines(1000))
    site.send(10_000, "answer lost")
    site.log.drop(20_000)
    site.free()
    assert site.restart().delivered == 0
    site.send_all()
    assert bytes(site.server) == lines(1000)[:10_000] + b"[20000]\n" + lines(1000)[30_000:]


def test_all_of_it_may_go(site):
    site.write(lines(100) + b"half a line")
    assert site.log.drop(10**9) == 10_011
    assert site.log.drop(10**9) == 0
    site.send_all()
    assert bytes(site.server) == b"[10011]\n"
    site.write(b"\nand on\n")
    site.send_all()
    assert bytes(site.server) == b"[10011]\n\nand on\n"


def test_what_was_delivered_is_given_back_first_and_costs_nothing(site):
    site.write(lines(1000))
    site.send(50_000)
    assert site.log.spare() == [(0, 50_000)]
    site.log.free([(0, 50_000)])
    assert site.log.disk_bytes() <= 50_000 + BLOCK
    assert site.log.spare() == [], "told once"
    site.send_all()
    assert bytes(site.server) == lines(1000)


def test_a_server_that_forgets_what_is_gone_here_too_is_told_how_much(site):
    site.write(lines(1000))
    site.send(50_000)
    site.free()
    del site.server[20_000:]
    site.log.settle(len(site.server))
    site.send_all()
    assert bytes(site.server) == lines(1000)[:20_000] + b"[30000]\n" + lines(1000)[50_000:]


def test_of_a_log_that_the_server_does_not_take_the_end_stays(site):
    site.write(lines(10_000))
    site.send(1000)
    site.log.is_wanted = False
    site.free()
    assert site.log.disk_bytes() <= LAST_BYTES + BLOCK
    assert site.log.drop(1) == 0


def test_nothing_is_given_up_that_cannot_be_noted(site):
    site.write(lines(100))
    (site.folder / "delivered").unlink()
    (site.folder / "delivered").mkdir()
    assert site.log.drop(1000) == 0
    site.send_all()
    assert bytes(site.server) == lines(100)


@pytest.mark.parametrize("content", [b"", b"\0" * RECORD_BYTES, b"{}", None], ids=["empty", "zeros", "other", "none"])
def test_without_a_record_the_server_says_where_to_go_on(site, content):
    site.write(lines(100))
    site.send(5000)
    (site.folder / "delivered").unlink()
    if content is not None:
        (site.folder / "delivered").write_bytes(content)
    assert site.restart().delivered == 0
    site.send_all()
    assert bytes(site.server) == lines(100)


def test_the_record_is_of_one_length_and_for_its_owner_alone(site):
    site.write(lines(100))
    site.send(5000)
    record = site.folder / "delivered"
    assert json.loads(record.read_text())["offsets"] == [5000, 5000, 0]
    assert (record.stat().st_size, record.stat().st_mode & 0o777) == (RECORD_BYTES, 0o600)


def streams_of(log):
    """Return what a reader of two streams makes of a log."""
    parts = list(Unweaver().unweave(bytes(log)))
    return {stream: b"".join(content for each, content in parts if each is stream) for stream in Stream}


OUT_LINES = [b"out %06d \x0e\x10\n" % number for number in range(10_000)]
ERR_LINES = [b"err %06d \x0f\n" % number for number in range(10_000)]


@pytest.fixture
def woven(tmp_path):
    """Give the log of a job that has written two streams, turn and turn about."""
    site, weaver = Site(tmp_path, is_woven=True), Weaver()
    pairs = zip(OUT_LINES, ERR_LINES, strict=True)
    site.write(b"".join(weaver.weave(Stream.STDOUT, out) + weaver.weave(Stream.STDERR, err) for out, err in pairs))
    return site


@pytest.mark.parametrize("sent", [0, 1, 1009, 100_000])
@pytest.mark.parametrize("dropped", [1, 9999, 200_000])
def test_two_streams_are_told_apart_behind_what_was_given_up(woven, sent, dropped):
    """Whatever stands at its edges: the rest of each stream is what it was, the line is one of standard error."""
    if sent:
        woven.send(sent)
    count = woven.log.drop(dropped)
    assert dropped <= count < dropped + 100
    woven.free()
    woven.send_all()
    before, gone, rest = (
        streams_of(piece)
        for piece in (woven.written[:sent], woven.written[: sent + count], woven.written[sent + count :])
    )
    for stream, lines in ((Stream.STDOUT, OUT_LINES), (Stream.STDERR, ERR_LINES)):
        assert gone[stream] + rest[stream] == b"".join(lines), "nothing before is needed to read the rest"
        note = b"[%d]\n" % count if stream is Stream.STDERR else b""
        found, expected = streams_of(woven.server)[stream], before[stream] + note + rest[stream]
        assert found.replace(b"\n", b"") == expected.replace(b"\n", b"")  # one may end a line that was cut


def test_a_stream_that_goes_on_for_long_is_given_up_to_where_it_is_said_anew(tmp_path):
    site, weaver, piece = Site(tmp_path, is_woven=True), Weaver(), b"x" * 999 + b"\n"
    site.write(b"".join(weaver.weave(Stream.STDERR, piece) for _ in range(1000)))
    dropped = site.log.drop(400_000)
    assert 400_000 <= dropped <= 400_000 + 2 * REPEAT_BYTES
    site.send_all()
    found = streams_of(site.server)
    assert found[Stream.STDOUT] == b""
    assert found[Stream.STDERR].startswith(b"[%d]\n" % dropped)
    assert set(found[Stream.STDERR].splitlines(keepends=True)[1:]) == {piece}


def test_all_but_the_last_piece_of_two_streams_may_go(woven):
    size = woven.path.stat().st_size
    dropped = woven.log.drop(10**9)
    assert size - 100 <= dropped < size
    assert woven.log.drop(10**9) == 0
    woven.send_all()
    assert streams_of(woven.server)[Stream.STDERR] == b"[%d]\n" % dropped + ERR_LINES[-1]


def test_two_streams_that_are_nowhere_said_anew_are_not_given_up(tmp_path):
    site = Site(tmp_path, is_woven=True)
    site.write(b"short\n")
    assert site.log.drop(3) == 0


def test_a_server_that_forgets_two_streams_has_the_rest_apart(woven):
    woven.send(200_000)
    woven.free()
    del woven.server[100_000:]
    woven.log.settle(len(woven.server))
    woven.send_all()
    found = streams_of(woven.server)
    assert found[Stream.STDOUT].endswith(b"".join(OUT_LINES[-1000:]))
    assert found[Stream.STDERR].endswith(b"".join(ERR_LINES[-1000:]))
    assert b"[" not in found[Stream.STDOUT]
