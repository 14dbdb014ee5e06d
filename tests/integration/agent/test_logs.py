"""Log bytes: all of them, once, in order, soon, whatever they are."""

from __future__ import annotations

import hashlib
import sys

import pytest

from edge_agent.protocol import JobState
from tests.integration.agent.steps import ended, met, running, until_exists
from tests.support.waiting import wait_until


def sha(content):
    return hashlib.sha256(bytes(content)).hexdigest()


@pytest.mark.parametrize("chunk_bytes", [1, 7, 65_536])
def test_chunk_edges_fall_anywhere_and_every_byte_arrives(queue, agent_of, chunk_bytes):
    """Invalid UTF-8, NUL bytes, a character cut in the middle, no newline at the end."""
    queue.limits = queue.limits.model_copy(update={"log_chunk_bytes": chunk_bytes})
    agent_of(queue)
    content = b"\xff\xfe\x00 \xe2\x82\xac \xe2\x82 \r\n" * 3 + b"no newline"
    job = queue.submit([sys.executable, "-c", f"import os; os.write(1, {content!r})"])
    ended(job)
    assert bytes(job.log) == content
    assert job.ending.log_bytes == len(content)


def test_five_megabytes_written_fast_arrive_byte_by_byte(queue, agent, tmp_path):
    program = "import os,sys\nfor n in range(80): os.write(1, os.urandom(65536)); os.write(2, b'x' * n)"
    copy = tmp_path / "copy"
    job = queue.submit(f'{sys.executable} -c "{program}" 2>&1 | tee {copy}')
    ended(job, timeout=40)
    assert len(job.log) > 5_000_000
    assert sha(job.log) == sha(copy.read_bytes())


def test_one_line_of_ten_megabytes_does_not_grow_the_agent(queue, agent):
    job = queue.submit("head -c 10000000 /dev/zero | tr '\\0' x")
    ended(job, timeout=40)
    assert len(job.log) == 10_000_000
    assert all(len(call.body) <= queue.limits.log_chunk_bytes for call in queue.calls_of("logs"))


def test_what_is_written_is_visible_while_the_job_runs(queue, agent, tmp_path):
    job = queue.submit(
        f"echo one; {until_exists(tmp_path / '1')}; printf two; {until_exists(tmp_path / '2')}; echo three"
    )
    running(job, until=b"one\n")
    (tmp_path / "1").touch()
    running(job, until=b"two")
    assert bytes(job.log) == b"one\ntwo"
    (tmp_path / "2").touch()
    ended(job)
    assert bytes(job.log) == b"one\ntwothree\n"


@pytest.mark.parametrize("kind", ["drop", "half", "lost", "html"])
def test_a_chunk_that_is_sent_again_is_not_doubled(queue, agent, kind):
    queue.limits = queue.limits.model_copy(update={"log_chunk_bytes": 10})
    queue.end_session()
    wait_until(lambda: len(queue.registrations) == 2, what="the agent knows the new limit")
    fault = queue.fault("logs", kind, times=3)
    job = queue.submit("seq 1 100")
    ended(job, timeout=40)
    assert fault.met == 3
    assert job.log.decode().split() == [str(number) for number in range(1, 101)]


def test_a_full_log_is_not_sent_any_further_and_the_job_goes_on(queue, agent):
    queue.log_limit_bytes = 100_000
    job = queue.submit("head -c 1000000 /dev/zero; echo done > /dev/null; exit 4", label="full")
    assert ended(job, timeout=40).exit_code == 4
    assert 100_000 <= len(job.log) <= 100_000 + queue.limits.log_chunk_bytes
    assert "event=log_full" in agent.output()


def test_a_server_that_has_less_than_was_delivered_is_given_it_again(queue, agent, tmp_path):
    """It was restored from a backup, say."""
    job = queue.submit(f"echo one; echo two; {until_exists(tmp_path / 'gate')}; echo three")
    running(job, until=b"two\n")
    with queue.changed:
        del job.log[4:]
    (tmp_path / "gate").touch()
    ended(job)
    assert bytes(job.log) == b"one\ntwo\nthree\n"


def test_a_proxy_with_a_smaller_limit_gets_smaller_chunks(queue, agent):
    fault = queue.fault("logs", "status", times=3, status=413, body=b"<html>Request Entity Too Large</html>")
    job = queue.submit("head -c 60000 /dev/zero")
    ended(job, timeout=40)
    assert fault.met == 3
    assert len(job.log) == 60_000
    assert max(len(call.body) for call in queue.calls_of("logs")[3:]) <= 60_000 // 8


def test_a_log_that_is_refused_does_not_hold_up_the_report(queue, agent):
    queue.fault("logs", "status", times=None, status=404, body=b'{"reason":"not_found","message":"Not yours."}')
    job = queue.submit("echo x")
    assert ended(job).state is JobState.SUCCEEDED
    assert job.ending.log_bytes == 0


def test_many_jobs_that_talk_at_once_are_not_mixed(queue, agent_of):
    agent_of(queue, slots=12)
    jobs = [queue.submit(f"for n in $(seq 300); do echo {number}; done") for number in range(12)]
    for number, job in enumerate(jobs):
        ended(job, timeout=40)
        assert job.log.decode().split() == [str(number)] * 300


def test_a_slow_server_delays_the_log_and_not_the_job(queue, agent):
    fault = queue.fault("logs", "delay")
    job = queue.submit("echo x")
    met(fault)
    other = queue.submit("true", label="other")
    assert ended(other).state is JobState.SUCCEEDED
    assert job.state is JobState.RUNNING
    fault.release.set()
    assert ended(job).state is JobState.SUCCEEDED


def test_an_end_waits_until_the_log_is_out(queue, agent):
    """Whoever hears of the end wants to read why."""
    fault = queue.fault("logs", "status", times=None)
    job = queue.submit("echo said")
    wait_until(lambda: "assignment_ended" in agent.output(), what="the job ends", timeout=20)
    met(fault, times=fault.met + 2)
    assert queue.calls_of("report") == []
    fault.times = 0
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"said\n"
