"""What is old enough goes, and nothing that somebody still needs."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow, LogRow
from airflow_plugin.queue import jobs, logs, samples, tokens
from airflow_plugin.queue.reaper import Reaper
from edge_agent.protocol import JobState
from tests.support.queue_bed import QueueBed

DAY = 86_400


@pytest.fixture
def queue(database):
    return QueueBed(database, QueueConfig(job_retention_days=7, log_retention_days=30, event_retention_days=10_000))


def purge(queue):
    with queue.database.transaction() as session:
        return Reaper(queue.config).purge_once(session)


def settle(queue, *ids):
    with queue.database.transaction() as session:
        jobs.settle(session, ids)


def write_log(queue, job, data=b"a line\n"):
    with queue.database.transaction() as session:
        where = {"agent": job.agent.name, "assignment_id": job.assignment}
        row = session.get_one(JobRow, job.id)
        logs.append(session, **where, offset=row.log_bytes, data=data, limit=10**6)


def test_tokens_go_with_the_rest_when_their_time_is_over(queue):
    with queue.database.transaction() as session:
        tokens.create(session, "t", expires_in_days=1)
    queue.database.pass_time((1 + queue.config.token_retention_days) * DAY - 5)
    assert purge(queue) == 0
    queue.database.pass_time(10)
    assert purge(queue) == 1


def test_events_and_samples_go_with_the_rest_when_their_time_is_over(queue):
    queue.register()
    with queue.database.transaction() as session:
        samples.take(session, queue.config)
    queue.database.pass_time(queue.config.history_hours * 3600 - 120)
    assert purge(queue) == 0
    queue.database.pass_time(300)
    assert purge(queue) == 1, "the sample"
    queue.database.pass_time(queue.config.event_retention_days * DAY)
    assert purge(queue) == 1, "the event; the token never expires"


def jobs_left(queue):
    with queue.database.transaction() as session:
        return set(session.scalars(select(JobRow.id)))


def chunks_left(queue):
    with queue.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(LogRow))


def test_a_job_that_ended_long_ago_and_is_settled_goes(queue):
    agent = queue.register()
    old, open_ends = queue.put(JobState.FAILED, agent), queue.put(JobState.SUCCEEDED, agent)
    settle(queue, old.id)
    queue.database.pass_time(6 * DAY)
    recent = queue.put(JobState.SUCCEEDED, agent)
    settle(queue, recent.id)
    assert purge(queue) == 0
    queue.database.pass_time(2 * DAY)
    assert purge(queue) == 1
    assert jobs_left(queue) == {open_ends.id, recent.id}


def test_what_has_not_ended_stays_however_old(queue):
    agent = queue.register()
    left = {queue.put(state, agent).id for state in (JobState.RUNNING, JobState.OFFERED, JobState.QUEUED)}
    settle(queue, *left)
    queue.database.pass_time(1000 * DAY)
    assert purge(queue) == 0
    assert jobs_left(queue) == left


def test_an_end_that_airflow_does_not_know_yet_stays_however_old(queue):
    """The scheduler may have been down for weeks."""
    job = queue.put(JobState.SUCCEEDED)
    queue.database.pass_time(1000 * DAY)
    assert purge(queue) == 0
    assert [each.id for each in queue.heard()] == [job.id]


def test_a_job_of_nobody_goes_without_being_settled(queue):
    queue.put(JobState.SUCCEEDED, owner=None)
    queue.database.pass_time(8 * DAY)
    assert purge(queue) == 1


def test_a_job_stays_as_long_as_its_log(queue):
    """Without the job nobody would find it."""
    job = queue.put(JobState.SUCCEEDED)
    write_log(queue, job)
    settle(queue, job.id)
    queue.database.pass_time(29 * DAY)
    assert purge(queue) == 0
    queue.database.pass_time(2 * DAY)
    assert purge(queue) == 2, "one chunk, and then the job"
    assert (jobs_left(queue), chunks_left(queue)) == (set(), 0)


def test_all_chunks_of_a_log_go_together(queue):
    job = queue.put(JobState.SUCCEEDED)
    for _ in range(5):
        write_log(queue, job)
    queue.database.pass_time(31 * DAY)
    assert purge(queue) == 5
    assert (chunks_left(queue), queue.state(job.id)) == (0, JobState.SUCCEEDED)


def test_a_running_job_keeps_all_of_its_log_however_long_it_runs(queue):
    job = queue.put(JobState.RUNNING)
    write_log(queue, job)
    queue.database.pass_time(1000 * DAY)
    write_log(queue, job)
    assert purge(queue) == 0
    assert chunks_left(queue) == 2


def test_a_purge_takes_a_bounded_number_at_a_time(queue):
    agent = queue.register(slots=9)
    for _ in range(5):
        settle(queue, queue.put(JobState.SUCCEEDED, agent).id)
    queue.database.pass_time(8 * DAY)
    counts = []
    for _ in range(3):
        with queue.database.transaction() as session:
            counts.append(jobs.purge(session, 7, limit=2))
    assert counts == [2, 2, 1]
