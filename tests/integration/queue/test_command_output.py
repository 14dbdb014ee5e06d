"""What a command has said, byte for byte; and what those who watch it are told."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from airflow_plugin.errors import NotFound
from airflow_plugin.models import LogRow
from airflow_plugin.queue import log_pieces
from edge_agent.protocol import JobState
from edge_agent.protocol.commands import Seen
from edge_agent.protocol.streams import Stream, Weaver

OUT, ERR = Stream.STDOUT, Stream.STDERR
CONTENT = st.binary(max_size=30) | st.just(b"\x0e\x0f\x10\x10")
BINARY = bytes(range(256)) * 3


def woven(*parts):
    weaver = Weaver()
    return b"".join(weaver.weave(stream, content) for stream, content in parts)


# ------------------------------------------------------------------ the log


def test_a_log_is_read_byte_for_byte_from_where_one_was(commands):
    job_id, assignment = commands.running()
    commands.says("a1", assignment, BINARY[:100], BINARY[100:])
    first = commands.log(job_id, limit=150)
    assert (first.content, first.next_offset, first.is_over) == (BINARY[:150], 150, False)
    rest = commands.log(job_id, first.next_offset)
    assert (first.content + rest.content, rest.next_offset, rest.is_over) == (BINARY, len(BINARY), False)
    assert commands.log(job_id, 10_000).next_offset == len(BINARY)


def test_it_is_over_with_the_last_byte_of_a_command_that_has_ended(commands):
    agent = commands.agent()
    job_id, assignment = commands.running(agent)
    commands.says("a1", assignment, b"0123456789")
    commands.queue.report(agent, assignment)
    assert not commands.log(job_id, limit=9).is_over
    assert commands.log(job_id, 9).is_over
    assert commands.log(job_id, 10).is_over


def test_of_a_log_that_was_deleted_there_is_nothing_and_it_is_over(commands, queue):
    agent = commands.agent()
    job_id, assignment = commands.running(agent)
    commands.says("a1", assignment, b"0123456789")
    commands.queue.report(agent, assignment)
    with queue.database.transaction() as session:
        session.execute(delete(LogRow))
    assert commands.log(job_id, 3) == type(commands.log(job_id))(b"", 10, is_over=True)
    assert not commands.tail(job_id).is_whole


# ------------------------------------------------------------------ one of two streams


def test_together_all_of_it_is_standard_output(commands):
    job_id, assignment = commands.running()
    commands.says("a1", assignment, b"one\n", BINARY)
    whole = commands.tail(job_id)
    assert (whole.content, whole.total_bytes, whole.is_whole) == (b"one\n" + BINARY, 4 + len(BINARY), True)
    last = commands.tail(job_id, limit=5)
    assert (last.content, last.total_bytes) == (BINARY[-5:], 4 + len(BINARY))
    assert commands.tail(job_id, ERR) == type(last)(b"", 0, is_whole=True)


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from([OUT, ERR]), st.binary(max_size=30) | st.just(b"\x0e\x0f\x10\x10")), max_size=6
    ),
    chunk=st.integers(3, 20),
    limit=st.integers(1, 40),
)
def test_apart_each_stream_is_as_it_was_written(commands, parts, chunk, limit):
    job_id, assignment = commands.running(streams="apart")
    log = woven(*parts)
    commands.says("a1", assignment, *(log[at : at + chunk] for at in range(0, len(log), chunk)))
    for stream in (OUT, ERR):
        wrote = b"".join(content for of, content in parts if of is stream)
        tail = commands.tail(job_id, stream, limit=limit)
        assert (tail.content, tail.total_bytes, tail.is_whole) == (wrote[-limit:], len(wrote), True)
    commands.cancel(job_id)


@pytest.mark.parametrize("streams", ["together", "apart"])
def test_where_a_log_was_cut_its_output_ends_and_is_not_whole(commands, streams):
    job_id, assignment = commands.running(streams=streams)
    commands.says("a1", assignment, b"0123456", b"789abc", limit=10)
    tail = commands.tail(job_id, log_limit=10)
    assert (tail.content, tail.is_whole) == (b"0123456789", False)
    assert commands.view(job_id).log_is_cut


def test_on_the_page_a_log_whose_streams_are_apart_has_no_marks(commands, queue):
    job_id, assignment = commands.running(streams="apart")
    log = woven((OUT, b"one\ntwo\n"), (ERR, b"bad\x10\x0e\n"), (OUT, "€\n".encode()), (ERR, b"\x10" * 5 + b"\n"))
    commands.says("a1", assignment, log)
    for limit in range(6, len(log) + 1):
        text, offset = "", 0
        while offset < len(log):
            with queue.database.transaction() as session:
                piece = log_pieces.piece(session, job_id, offset=offset, limit=limit)
            assert (piece.start_offset, piece.next_offset > offset) == (offset, True)
            text, offset = text + piece.text, piece.next_offset
        assert text == "one\ntwo\nbad\x10\x0e\n€\n" + "\x10" * 5 + "\n", limit


# ------------------------------------------------------------------ whose


def test_another_token_finds_nothing(commands):
    job_id, _ = commands.running()
    other = commands.new_token()
    with pytest.raises(NotFound, match="no such command of this token"):
        commands.view(job_id, other)
    assert commands.watch(Seen(id=job_id), token=other).unknown == (job_id,)
    commands.token = other
    for read in (commands.log, commands.tail):
        with pytest.raises(NotFound):
            read(job_id)


# ------------------------------------------------------------------ watching


def test_a_watch_tells_what_is_not_as_one_knows_it(commands):
    agent = commands.agent()
    waits, (runs, assignment) = commands.submit(queue="other"), commands.running(agent)
    unknown = uuid4()
    first = commands.watch(Seen(id=waits), Seen(id=runs), Seen(id=unknown))
    assert {view.id: view.state for view in first.commands} == {waits: JobState.QUEUED, runs: JobState.RUNNING}
    assert first.unknown == (unknown,)
    known = Seen(id=waits, state=JobState.QUEUED), Seen(id=runs, state=JobState.RUNNING, log_bytes=0)
    assert commands.watch(*known) == type(first)()
    commands.says("a1", assignment, b"x")
    (view,) = commands.watch(*known).commands
    assert (view.id, view.log_bytes) == (runs, 1)
    assert commands.watch(Seen(id=runs, state=JobState.RUNNING)).commands == (), "who does not care for the log"
    commands.queue.report(agent, assignment)
    (view,) = commands.watch(Seen(id=runs, state=JobState.RUNNING)).commands
    assert (view.state, view.exit_code, view.ended_at is not None) == (JobState.SUCCEEDED, None, True)


def test_how_far_a_log_was_read_is_kept_and_only_grows(commands):
    job_id, assignment = commands.running()
    commands.says("a1", assignment, b"0123456789")
    for read, kept in ((4, 4), (2, 4), (11, 4), (10, 10)):
        commands.watch(Seen(id=job_id, state=JobState.RUNNING, log_bytes=10, read_offset=read))
        assert commands.view(job_id).read_offset == kept


def test_news_tell_how_far_the_log_was_read_by_whoever_asks(commands):
    job_id, assignment = commands.running()
    commands.says("a1", assignment, b"0123456789")
    (view,) = commands.watch(Seen(id=job_id, state=JobState.QUEUED, log_bytes=10, read_offset=10)).commands
    assert (view.state, view.read_offset) == (JobState.RUNNING, 10)


def test_how_far_a_log_was_read_costs_no_write_when_it_is_known(commands, queue):
    job_id, assignment = commands.running()
    commands.says("a1", assignment, b"0123456789")
    seen = Seen(id=job_id, state=JobState.RUNNING, log_bytes=10, read_offset=4)
    commands.watch(seen)
    with queue.database.recorded() as statements:
        commands.watch(seen)
    assert len(statements) == 1
    assert not any("UPDATE" in statement for statement, _ in statements)


def test_whoever_starts_a_command_anew_begins_its_log_anew(commands):
    agent = commands.agent()
    job_id, assignment = commands.running(agent)
    commands.says("a1", assignment, b"0123")
    commands.watch(Seen(id=job_id, read_offset=4))
    for number in (1, 2):
        commands.queue.beat(agent, number)
    view = commands.view(job_id)
    assert (view.state, view.log_bytes, view.read_offset) == (JobState.QUEUED, 0, 0)


def test_a_log_that_was_cut_is_no_news_for_ever(commands):
    from airflow_plugin.queue import command_watch

    class Row:
        state, log_bytes, log_full = JobState.RUNNING, 5000, True

    def is_news(knows):
        return command_watch.has_said_more(Seen(id=uuid4(), log_bytes=knows), Row, 1000)

    assert (is_news(900), is_news(1000), is_news(1001), is_news(4000)) == (True, True, False, False)
