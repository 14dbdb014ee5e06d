"""A log in pieces, as somebody watches it grow."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from airflow_plugin import clock
from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow, LogRow
from airflow_plugin.queue import log_pieces, logs
from edge_agent.protocol import JobState
from tests.support.queue_bed import QueueBed

EURO = "\u20ac".encode()


@pytest.fixture
def job(queue):
    """Give a job that runs."""
    return queue.put(JobState.RUNNING)


def write(queue, job, *chunks, limit=10**6):
    for data in chunks:
        with queue.database.transaction() as session:
            asked = {"agent": job.agent.name, "assignment_id": job.assignment}
            logs.append(session, **asked, offset=queue.job(job.id).log_bytes, data=data, limit=limit)


def read(queue, job, offset=0, limit=1000):
    with queue.database.transaction() as session:
        return log_pieces.piece(session, job.id, offset=offset, limit=limit)


def follow(queue, job, offset=0, limit=1000):
    """Return the texts of all pieces, as somebody gets them who asks until there is no more."""
    texts = []
    while (piece := read(queue, job, offset, limit)).next_offset > offset:
        assert piece.start_offset == offset
        texts.append(piece.text)
        offset = piece.next_offset
    return texts


def test_a_log_that_grows_is_read_on_where_one_was(queue, job):
    assert read(queue, job).model_dump() == {
        "text": "",
        "start_offset": 0,
        "next_offset": 0,
        "log_bytes": 0,
        "is_over": False,
        "where": None,
    }
    write(queue, job, b"one\ntw")
    first = read(queue, job)
    assert (first.text, first.next_offset, first.is_over) == ("one\ntw", 6, False)
    write(queue, job, b"o\n", b"three")
    second = read(queue, job, first.next_offset)
    assert (second.text, second.start_offset, second.next_offset) == ("o\nthree", 6, 13)
    queue.report(job.agent, job.assignment)
    last = read(queue, job, second.next_offset)
    assert (last.text, last.next_offset, last.log_bytes, last.is_over) == ("", 13, 13, True)


def test_a_piece_ends_with_a_line_where_more_follows(queue, job):
    write(queue, job, b"one\ntwo\nfo", b"ur5\nfive")
    assert follow(queue, job, limit=10) == ["one\ntwo\n", "four5\nfive"]
    assert follow(queue, job, limit=6) == ["one\n", "two\n", "four5\n", "five"]
    assert follow(queue, job, limit=4) == ["one\n", "two\n", "four", "5\n", "five"]


def test_a_character_of_which_a_part_has_come_is_waited_for(queue, job):
    write(queue, job, b"a" + EURO[:1])
    assert (read(queue, job).text, read(queue, job).next_offset) == ("a", 1)
    write(queue, job, EURO[1:2])
    assert (read(queue, job, 1).text, read(queue, job, 1).next_offset) == ("", 1)
    write(queue, job, EURO[2:] + b"b")
    assert (read(queue, job, 1).text, read(queue, job, 1).next_offset) == ("\u20acb", 5)


def test_a_character_that_never_came_whole_is_replaced_when_the_job_has_ended(queue, job):
    write(queue, job, b"a" + EURO[:2])
    queue.report(job.agent, job.assignment)
    piece = read(queue, job)
    assert (piece.text, piece.next_offset, piece.is_over) == ("a\ufffd", 3, True)


def test_what_is_no_text_is_replaced_and_held_up_by_nothing(queue, job):
    write(queue, job, b"\xff\x80\xc3(", b"\x00end")
    assert read(queue, job).text == "\ufffd\ufffd\ufffd(\x00end"


@pytest.mark.parametrize("offset", range(1, 8))
def test_from_within_a_character_it_goes_on_behind_that(queue, job, offset):
    write(queue, job, EURO + b"x" + "\U0001f680".encode() + b"y")
    piece = read(queue, job, offset)
    begins = {1: 3, 2: 3, 3: 3, 4: 4, 5: 8, 6: 8, 7: 8}[offset]
    assert (piece.start_offset, piece.next_offset) == (begins, 9)
    assert piece.text == {3: "x\U0001f680y", 4: "\U0001f680y", 8: "y"}[begins]


def test_the_last_bytes_begin_with_a_line(queue, job):
    write(queue, job, b"one\ntwo\n", b"three\n")
    assert (read(queue, job, -100).text, read(queue, job, -100).start_offset) == ("one\ntwo\nthree\n", 0)
    assert read(queue, job, -9).text == "three\n"
    assert read(queue, job, -6).text == "three\n"
    assert (read(queue, job, -3).text, read(queue, job, -3).start_offset) == ("", 14)


def test_of_one_long_line_the_last_bytes_are_its_end(queue, job):
    write(queue, job, EURO * 10)
    piece = read(queue, job, -8)
    assert (piece.text, piece.start_offset, piece.next_offset) == ("\u20ac\u20ac", 24, 30)


def test_beyond_the_end_there_is_nothing_yet(queue, job):
    write(queue, job, b"one\n")
    assert (read(queue, job, 100).text, read(queue, job, 100).next_offset) == ("", 4)


def test_a_log_that_was_cut_is_over_where_it_says_so(queue, job):
    write(queue, job, b"0123456789", b"more", limit=5)
    text = "".join(follow(queue, job, limit=50))
    assert text.startswith("01234\n")
    assert "log_limit_bytes = 5" in text
    queue.report(job.agent, job.assignment)
    end = read(queue, job, len(text))
    assert (end.text, end.is_over, end.log_bytes) == ("", True, 14)


def test_a_log_in_the_remote_store_is_said_to_be_there(queue, job):
    write(queue, job, b"one\n")
    queue.report(job.agent, job.assignment)
    with queue.database.transaction() as session:
        session.execute(delete(LogRow))
        session.execute(update(JobRow).values(log_uploaded_at=clock.now()))
    piece = read(queue, job)
    assert (piece.text, piece.next_offset, piece.is_over) == ("", 4, True)
    assert piece.where == "The log is in the remote log store by now; Airflow shows it on the page of the task."


def test_what_was_said_about_a_log_elsewhere_is_kept_as_long_as_a_log(queue, job):
    write(queue, job, b"elsewhere\n")
    queue.report(job.agent, job.assignment)
    with queue.database.transaction() as session:
        session.execute(update(JobRow).values(log_uploaded_at=clock.now(), log_kept="host"))
    assert (read(queue, job).text, read(queue, job).where) == ("elsewhere\n", None)
    with queue.database.transaction() as session:
        session.execute(delete(LogRow))
    assert read(queue, job).where.startswith("The log is kept no longer")


def test_what_came_after_the_upload_is_shown_with_where_the_rest_is(queue, job):
    write(queue, job, b"one\n", b"two\n")
    queue.report(job.agent, job.assignment)
    with queue.database.transaction() as session:
        session.execute(delete(LogRow).where(LogRow.start_offset == 0))
    piece = read(queue, job)
    assert (piece.text, piece.start_offset, piece.is_over) == ("two\n", 4, True)
    assert piece.where is not None
    assert piece.where.startswith("The beginning of the log is in the remote log store")


def test_a_log_that_is_too_old_is_said_to_be_gone(queue, job):
    write(queue, job, b"one\n")
    queue.report(job.agent, job.assignment)
    queue.database.pass_time(100)
    with queue.database.transaction() as session:
        assert logs.purge(session, 50 / 86_400)
    piece = read(queue, job)
    assert (piece.text, piece.is_over) == ("", True)
    assert "log_retention_days" in str(piece.where)


def test_of_a_job_that_nobody_has_there_is_no_log(queue):
    piece = read(queue, queue.put(JobState.QUEUED))
    assert (piece.text, piece.is_over, piece.where) == ("", False, None)


def test_no_job_no_log(queue, job):
    queue.delete(job.agent.name)
    with queue.database.transaction() as session:
        session.execute(delete(LogRow))
        session.execute(delete(JobRow))
    with pytest.raises(NotFound):
        read(queue, job)


@pytest.fixture(scope="module")
def one_queue(sqlite_tables):

    yield QueueBed(sqlite_tables)
    sqlite_tables.clear()


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    chunks=st.lists(
        st.one_of(st.binary(max_size=20), st.text("aé€\U0001f680\n", max_size=8).map(str.encode)), max_size=6
    ),
    limit=st.integers(log_pieces.LEAST_BYTES, 40),
    offset=st.integers(0, 60),
)
def test_whatever_is_written_its_pieces_are_the_whole_text(one_queue, chunks, limit, offset):
    queue, data = one_queue, b"".join(chunks)
    job = queue.put(JobState.RUNNING, queue.register(slots=1000))
    write(queue, job, *chunks)
    queue.report(job.agent, job.assignment)
    assert "".join(follow(queue, job, limit=limit)) == data.decode("utf-8", "replace")
    begin = read(queue, job, offset).start_offset
    assert "".join(follow(queue, job, begin, limit)) == data[begin:].decode("utf-8", "replace")
    if "\ufffd" not in data.decode("utf-8", "replace"):
        assert "\ufffd" not in read(queue, job, offset).text + read(queue, job, -limit).text
