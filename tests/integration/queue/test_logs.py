"""Log bytes by offset: a repeat never doubles, a gap is refused, and what is read is what was written."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import event

from airflow_plugin.errors import Gap, NotFound
from airflow_plugin.models import JobRow
from airflow_plugin.queue import assignments, logs
from edge_agent.protocol import EndReason, JobState, LogAck
from tests.support.queue_bed import QueueBed

LIMIT = 10**6


def append(queue, job, offset, data, *, limit=LIMIT, agent=None):
    with queue.database.transaction() as session:
        return logs.append(
            session,
            agent=agent or job.agent.name,
            assignment_id=job.assignment,
            offset=offset,
            data=data,
            limit=limit,
        )


def read(queue, job, offset=0):
    with queue.database.transaction() as session:
        return b"".join(logs.read(session, job.id, offset))


def test_bytes_are_read_as_they_were_written(queue):
    job = queue.put(JobState.RUNNING)
    every = bytes(range(256)) * 4
    assert append(queue, job, 0, every) == LogAck(next_offset=1024)
    assert append(queue, job, 1024, b"\xff\x00\n") == LogAck(next_offset=1027)
    assert read(queue, job) == every + b"\xff\x00\n"


def test_a_job_without_a_log_reads_as_nothing(queue):
    job = queue.put(JobState.RUNNING)
    assert read(queue, job) == read(queue, job, 100) == b""


def test_a_repeat_is_told_where_the_end_is_and_never_doubles(queue):
    job = queue.put(JobState.RUNNING)
    for _ in range(3):
        assert append(queue, job, 0, b"hello") == LogAck(next_offset=5)
    assert read(queue, job) == b"hello"


def test_of_bytes_that_overlap_only_the_new_ones_are_stored(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"hello")
    assert append(queue, job, 3, b"lo world") == LogAck(next_offset=11)
    assert append(queue, job, 0, b"hello wor") == LogAck(next_offset=11)
    assert read(queue, job) == b"hello world"


def test_a_gap_is_refused_with_the_offset_to_go_on_from(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"hello")
    with pytest.raises(Gap, match="start at 6, but the log ends at 5") as refused:
        append(queue, job, 6, b"world")
    assert refused.value.expected_offset == 5
    assert read(queue, job) == b"hello"


def test_no_bytes_at_the_end_are_no_chunk(queue):
    job = queue.put(JobState.RUNNING)
    assert append(queue, job, 0, b"") == LogAck(next_offset=0)
    with pytest.raises(Gap):
        append(queue, job, 1, b"")


@pytest.mark.parametrize("offset", range(13))
def test_a_log_can_be_read_from_any_offset(queue, offset):
    job = queue.put(JobState.RUNNING)
    for start, data in ((0, b"hel"), (3, b"lo wor"), (9, b"ld")):
        append(queue, job, start, data)
    assert read(queue, job, offset) == b"hello world"[offset:]


def cut_of(text):
    """Return what stands before the mark, and the mark."""
    before, line, rest = text.partition(b"\n{")
    assert rest.count(b"\n") == 1, "there is one mark, and it is the last line"
    return before, json.loads(line + rest)


def test_a_log_that_grows_too_long_is_cut_exactly_there_with_one_mark(queue):
    job = queue.put(JobState.RUNNING)
    assert append(queue, job, 0, b"x" * 90, limit=100) == LogAck(next_offset=90, full=False)
    assert append(queue, job, 90, b"y" * 30, limit=100) == LogAck(next_offset=120, full=True)
    assert append(queue, job, 120, b"z" * 30, limit=100) == LogAck(next_offset=150, full=True)
    before, mark = cut_of(read(queue, job))
    assert before == b"x" * 90 + b"y" * 10
    assert mark["event"] == "The log was cut here: it is longer than [edge_agent] log_limit_bytes = 100."
    assert {"timestamp", "level", "logger"} < set(mark)
    assert (queue.job(job.id).log_bytes, queue.job(job.id).log_full) == (150, True)


def test_a_log_of_exactly_the_limit_is_not_cut(queue):
    job = queue.put(JobState.RUNNING)
    assert append(queue, job, 0, b"x" * 100, limit=100) == LogAck(next_offset=100, full=False)
    assert read(queue, job) == b"x" * 100


def test_a_repeat_after_the_cut_is_told_that_the_log_is_full(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"x" * 120, limit=100)
    assert append(queue, job, 0, b"x" * 120, limit=100) == LogAck(next_offset=120, full=True)


def test_a_cut_log_stays_cut_when_the_limit_is_raised(queue):
    """Bytes are missing from it already: what came now would stand in the wrong place."""
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"x" * 120, limit=100)
    assert append(queue, job, 120, b"y", limit=1000) == LogAck(next_offset=121, full=True)
    assert cut_of(read(queue, job))[0] == b"x" * 100


def test_a_log_longer_than_a_limit_that_was_lowered_is_cut_where_it_is(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"x" * 100, limit=1000)
    assert append(queue, job, 100, b"yyy", limit=50) == LogAck(next_offset=103, full=True)
    assert cut_of(read(queue, job))[0] == b"x" * 100


def test_the_last_bytes_are_taken_after_the_end(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"before ")
    with queue.database.transaction() as session:
        assignments.lose(session, JobRow.id == job.id, EndReason.AGENT_LOST, "silent")
    assert append(queue, job, 7, b"and after") == LogAck(next_offset=16)
    assert read(queue, job) == b"before and after"


def test_after_a_restart_the_agent_goes_on_where_it_was(queue):
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"one ")
    queue.register(held=[job.assignment])
    append(queue, job, 4, b"two")
    assert read(queue, job) == b"one two"


def test_another_agent_cannot_write_and_learns_nothing(queue):
    job = queue.put(JobState.RUNNING)
    queue.register("a2")
    with pytest.raises(NotFound, match="Not an assignment of yours"):
        append(queue, job, 0, b"forged", agent="a2")
    job_unknown = type(job)(job.id, job.agent, uuid4())
    with pytest.raises(NotFound, match="Not an assignment of yours"):
        append(queue, job_unknown, 0, b"forged")
    assert read(queue, job) == b""


def test_a_job_that_went_back_starts_a_new_log(queue):
    """What its first assignment wrote belongs to nothing that ran."""
    job = queue.put(JobState.RUNNING)
    append(queue, job, 0, b"from the first")
    with queue.database.transaction() as session:
        assignments.release(session, JobRow.id == job.id)
    assert read(queue, job) == b""
    with pytest.raises(NotFound):
        append(queue, job, 14, b"late")
    (offered,) = queue.offer(job.agent)
    again = type(job)(job.id, job.agent, offered.assignment_id)
    queue.confirm(job.agent, again.assignment)
    append(queue, again, 0, b"the second")
    assert read(queue, again) == b"the second"


@pytest.mark.postgres
def test_appends_at_once_leave_what_one_after_the_other_would_leave(postgres_queue):
    """Eight times the same stream in chunks of different sizes, as after eight lost answers."""
    queue = postgres_queue
    job = queue.put(JobState.RUNNING)
    stream = bytes(number % 251 for number in range(4000))

    def send(size):
        offset = 0
        while offset < len(stream):
            offset = append(queue, job, offset, stream[offset : offset + size]).next_offset

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, [37, 64, 101, 128, 173, 211, 256, 307]))
    assert read(queue, job) == stream
    assert queue.job(job.id).log_bytes == len(stream)


def test_on_sqlite_which_locks_no_rows_an_append_in_between_is_seen(sqlite_tables):
    queue = QueueBed(sqlite_tables)
    job = queue.put(JobState.RUNNING)
    others = iter([b"first"])

    def get_in_between(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE edge_agent_job") and (other := next(others, None)):
            append(queue, job, 0, other)

    event.listen(sqlite_tables.engine, "before_cursor_execute", get_in_between)
    try:
        assert append(queue, job, 0, b"first and second") == LogAck(next_offset=16)
    finally:
        event.remove(sqlite_tables.engine, "before_cursor_execute", get_in_between)
        found = read(queue, job)
        sqlite_tables.clear()
    assert found == b"first and second"


def test_a_log_is_read_in_pieces_and_from_where_it_is_asked(queue):
    """A reader that follows a long log does not fetch what it has already."""
    job = queue.put(JobState.RUNNING)
    for number in range(50):
        append(queue, job, number * 10, b"%09d\n" % number)
    with queue.database.transaction() as session:
        assert len(list(logs.read(session, job.id, 455))) == 5
        assert sum(len(piece) for piece in logs.read(session, job.id, 455)) == 45
