"""Standard output and standard error of a command, told apart, whichever runner it has."""

from __future__ import annotations

import os
import resource
import sys

import pytest

from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.streams import Stream, Unweaver
from edge_agent.tmux_server import session_name
from tests.support.runner_bed import lives
from tests.support.waiting import wait_until_async


def streams_of(job):
    parts = list(Unweaver().unweave(bytes(job.log)))
    return tuple(b"".join(content for each, content in parts if each is stream) for stream in Stream)


async def apart(bed, command, **payload):
    return await bed.run(command, streams="apart", **payload)


async def test_each_stream_is_what_was_written_to_it(bed):
    job = await apart(bed, "echo one; echo two >&2; echo three; echo four >> /dev/stderr; exit 4")
    assert streams_of(job) == (b"one\nthree\n", b"two\nfour\n")
    assert (job.ending.exit_code, job.ending.log_bytes) == (4, len(job.log))


async def test_a_command_that_says_nothing_has_an_empty_log(bed):
    assert bytes((await apart(bed, "true")).log) == b""


async def test_together_no_byte_is_added_whatever_is_written(bed):
    content = bytes(range(256)) * 20
    write = f"import os, sys\nfor fd in (1, 2, 1): os.write(fd, bytes(range(256)) * {len(content) // 256})"
    for payload in ({}, {"streams": "together"}):
        assert bytes((await bed.run([sys.executable, "-c", write], **payload)).log) == content * 3


BOTH = """
import os, sys, threading
def write(fd, line):
    left = line * (3_000_000 // len(line))
    while left:
        left = left[os.write(fd, left):]
said = ((1, bytes(range(256)) * 4), (2, b"0123456 \\x0e\\x0f\\x10\\x10 012345678901\\n" * 40))
threads = [threading.Thread(target=write, args=each) for each in said]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


async def test_3_mb_on_both_at_once_arrive_byte_for_byte(bed):
    """Among them all bytes that could be taken for a shift."""
    bed.chunk_bytes = 100_001
    job = bed.begin([sys.executable, "-c", BOTH], streams="apart")
    assert (await job.ended(timeout=60)).state is JobState.SUCCEEDED
    out, err = streams_of(job)
    assert out == bytes(range(256)) * 4 * (3_000_000 // 1024)
    assert err == b"0123456 \x0e\x0f\x10\x10 012345678901\n" * 40 * (3_000_000 // 1040)


async def test_what_is_not_utf_8_stays_what_it_is(bed, tmp_path):
    (file := tmp_path / "content").write_bytes(b"caf\xe9 \xff\xfe\xc3\x28\0\x1b[31m\r\n" * 500)
    job = await apart(bed, f"cat {file}; cat {file} {file} >&2")
    assert streams_of(job) == (file.read_bytes(), file.read_bytes() * 2)


async def test_a_stream_that_is_closed_early_does_not_end_the_other(bed):
    job = await apart(bed, "echo one; exec >&-; echo two >&2; sleep 0.1; echo three >&2")
    assert streams_of(job) == (b"one\n", b"two\nthree\n")


async def test_what_is_left_running_may_go_on_talking_on_both_to_nobody(bed, tmp_path):
    gate, said = tmp_path / "gate", tmp_path / "said"
    talk = f"until [ -e {gate} ]; do echo again; echo more >&2; sleep 0.05; done"
    job = await apart(
        bed, f"({talk}; head -c 200000 /dev/zero; head -c 200000 /dev/zero >&2; echo $? > {said}) & echo up"
    )
    size = job.ending.log_bytes
    gate.touch()
    what = "it is heard"
    await wait_until_async(lambda: said.exists() and said.read_text(), until=lambda text: text == "0\n", what=what)
    assert len(job.log) == size < 1000


async def test_what_ended_the_command_is_told_on_standard_error(bed):
    """What comes of standard output, somebody reads as data."""
    for command in (["/no/such/program"], ["sh", "-c", "echo up; cd /no/such/folder"]):
        job = await apart(bed, command)
        out, err = streams_of(job)
        assert b"/no/such" in err
        assert out in (b"", b"up\n")


async def test_output_that_cannot_be_written_is_told_and_does_not_stop_the_command(bed, tmp_path):
    gate = tmp_path / "gate"
    job = bed.begin(
        f"echo up; until [ -e {gate} ]; do sleep 0.05; done; head -c 200000 /dev/zero >&2; exit 3", streams="apart"
    )
    await job.says(b"up")
    resource.prlimit(job.attempt.identity().pid, resource.RLIMIT_FSIZE, (4096, 4096))
    gate.touch()
    ending = await job.ended()
    assert (ending.reason, ending.exit_code, ending.log_bytes) == (EndReason.EXIT, 3, 4096)


async def test_a_grandchild_that_holds_both_open_does_not_hold_up_the_result(bed):
    job = await apart(bed, "sleep 300 & echo $!; echo two >&2")
    out, err = streams_of(job)
    assert (job.ending.state, err) == (JobState.SUCCEEDED, b"two\n")
    assert lives(out)
    os.kill(int(out), 9)


@pytest.mark.parametrize("name", ["tmux"])
async def test_whoever_looks_at_the_terminal_sees_no_shift(bed, server, name):
    job = bed.begin("echo one; echo two >&2; echo three; while :; do sleep 0.05; done", streams="apart")
    await job.says(b"three")
    session = f"={session_name('job', job.assignment.id)}:"
    shown = await wait_until_async(
        lambda: server.ask("capture-pane", "-p", "-e", "-t", session).stdout,
        until=lambda seen: "three" in seen and "two" in seen,
        what="it is shown",
    )
    assert sorted(shown.split()) == ["one", "three", "two"]
    bed.cancel(job)
    await job.ended()
