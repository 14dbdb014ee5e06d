"""Any stream of bytes, cut anywhere, with any answers lost, arrives once and in order."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_plugin.errors import Gap
from airflow_plugin.queue import logs
from edge_agent.protocol import JobState
from tests.support.queue_bed import Held, QueueBed

SETTINGS = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # Explaining takes minutes here.
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Sender:
    """Sends a stream as an agent does: by offset, again when the answer was lost, where it is told to go on."""

    def __init__(self, queue: QueueBed, job: Held, stream: bytes, limit: int) -> None:
        self.queue, self.job, self.stream, self.limit = queue, job, stream, limit
        self.offset = 0

    def send(self, size: int, *, answer_is_lost: bool, skip: int) -> None:
        """Send up to ``size`` bytes from ``skip`` bytes further on than the server is known to be."""
        start = self.offset + skip
        with self.queue.database.transaction() as session:
            try:
                ack = logs.append(
                    session,
                    agent=self.job.agent.name,
                    assignment_id=self.job.assignment,
                    offset=start,
                    data=self.stream[start : start + size],
                    limit=self.limit,
                )
                expected = ack.next_offset
            except Gap as gap:
                expected = gap.expected_offset
        if not answer_is_lost:
            self.offset = expected


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def queue(request):
    database = request.getfixturevalue(f"{request.param}_tables")
    yield QueueBed(database)
    database.clear()


steps = st.lists(
    st.tuples(st.integers(0, 40), st.booleans(), st.sampled_from([0, 0, 0, 1, 7])), min_size=1, max_size=25
)


@SETTINGS
@given(stream=st.binary(max_size=200), steps=steps, offset=st.integers(0, 210))
def test_what_is_read_is_what_was_sent_so_far(queue, stream, steps, offset):
    sender = Sender(queue, queue.put(JobState.RUNNING, queue.register(slots=100)), stream, limit=10**6)
    for size, answer_is_lost, skip in steps:
        sender.send(size, answer_is_lost=answer_is_lost, skip=skip)
    arrived = queue.job(sender.job.id).log_bytes
    with queue.database.transaction() as session:
        assert b"".join(logs.read(session, sender.job.id)) == stream[:arrived]
        assert b"".join(logs.read(session, sender.job.id, offset)) == stream[:arrived][offset:]
    assert sender.offset <= arrived <= len(stream)


@SETTINGS
@given(stream=st.binary(min_size=1, max_size=200), steps=steps, limit=st.integers(1, 200))
def test_however_it_was_cut_into_chunks_a_log_is_cut_at_its_limit(queue, stream, steps, limit):
    sender = Sender(queue, queue.put(JobState.RUNNING, queue.register(slots=100)), stream, limit)
    for size, answer_is_lost, _ in steps:
        sender.send(size, answer_is_lost=answer_is_lost, skip=0)
    arrived = queue.job(sender.job.id).log_bytes
    with queue.database.transaction() as session:
        kept = b"".join(logs.read(session, sender.job.id))
    assert kept[:limit] == stream[: min(arrived, limit)]
    assert queue.job(sender.job.id).log_full == (arrived > limit)
    assert kept.count(b"log_limit_bytes") == (arrived > limit)
