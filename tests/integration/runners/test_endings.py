"""How a command ends is told as it was, whichever runner it has."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from edge_agent import spool
from edge_agent.protocol import EndReason, JobState
from tests.support.runner_bed import gone, lives
from tests.support.small_disk import fill, free_bytes, small_disk
from tests.support.waiting import wait_until_async


@pytest.mark.parametrize("exit_code", [0, 1, 7, 137])
async def test_an_exit_code_is_told(bed, exit_code):
    job = await bed.run(["sh", "-c", f"exit {exit_code}"])
    assert (job.ending.reason, job.ending.exit_code, job.ending.signal) == (EndReason.EXIT, exit_code, None)
    assert job.ending.state is (JobState.FAILED if exit_code else JobState.SUCCEEDED)


async def test_an_exit_at_top_level_ends_the_command_and_not_what_records_it(bed):
    job = await bed.run("exit 7")
    assert (job.ending.reason, job.ending.exit_code) == (EndReason.EXIT, 7)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_a_signal_ended_is_told_with_the_signal(bed, number):
    job = await bed.run(f"kill -{number:d} $$")
    assert (job.ending.reason, job.ending.signal, job.ending.exit_code) == (EndReason.SIGNAL, number, None)


async def test_a_command_is_not_deaf_to_what_the_agent_was_started_to_ignore(bed):
    """As by `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        job = await bed.run("kill -HUP $$")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (job.ending.reason, job.ending.signal) == (EndReason.SIGNAL, signal.SIGHUP)


@pytest.mark.parametrize(("command", "exit_code"), [(["/no/such/program"], 127), (["/etc/passwd"], 126)])
async def test_what_cannot_be_run_is_told_in_its_log(bed, command, exit_code):
    job = await bed.run(command)
    assert job.ending.exit_code == exit_code
    assert command[0].encode() in job.log


async def test_a_command_whose_wrapper_is_killed_does_not_run_on(bed):
    job = bed.begin("trap '' TERM HUP; echo $PPID $$ up; while :; do sleep 0.05; done")
    wrapper, shell, _ = await job.says(b"up")
    os.kill(int(wrapper), signal.SIGKILL)
    ending = await job.ended()
    assert (ending.state, ending.reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert "that the agent did not send" in ending.message
    await gone(shell)


async def test_a_cancelled_command_may_tidy_up(bed):
    job = bed.begin("trap 'echo tidied; exit 3' TERM; echo up; while :; do sleep 0.05; done")
    await job.says(b"up")
    bed.cancel(job)
    assert (await job.ended()).state is JobState.CANCELLED
    assert job.log.endswith(b"tidied\n")


async def test_what_ignores_the_request_to_end_is_killed_with_all_its_family(bed):
    """One grandchild in its group, one in a session of its own; both ignore the request, too."""
    job = bed.begin("trap '' TERM; sleep 300 & echo $!; setsid sleep 300 & echo $!; echo $$ up; wait; wait")
    *family, _ = await job.says(b"up")
    bed.cancel(job)
    assert (await job.ended()).state is JobState.CANCELLED
    for pid in family:
        await gone(pid)


async def test_a_grandchild_that_holds_the_output_open_does_not_hold_up_the_result(bed):
    """And it goes on: what is left running on purpose is nobody else's to end."""
    job = await bed.run("sleep 300 & echo $PPID $!")
    assert job.ending.state is JobState.SUCCEEDED
    wrapper, left = job.log.split()
    await gone(wrapper)  # and with it the session, whose end may hang up what is in its terminal
    assert lives(left)
    os.kill(int(left), signal.SIGKILL)
    await gone(left)


async def test_a_command_outlives_the_agent_that_started_it(bed, name, state, tmp_path):
    """The agent is killed; the next one finds the command by its identity, with all it said."""
    gate = tmp_path / "gate"
    told = {
        "runner": name,
        "state": str(state),
        "command": f"echo up; until [ -e {gate} ]; do sleep 0.05; done; echo through; exit 5",
    }
    words = [sys.executable, "-m", "tests.support.runner_agent", json.dumps(told)]
    agent = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    path = (await agent.stdout.readline()).decode().strip()
    agent.kill()
    await agent.wait()
    job = bed.adopt(Path(path))
    gate.touch()
    ending = await job.ended()
    assert (ending.reason, ending.exit_code) == (EndReason.EXIT, 5)
    assert bytes(job.log) == b"up\nthrough\n"


async def test_a_full_disk_costs_neither_output_nor_exit_code(bed, disk, tmp_path):
    """Full of what others wrote there. The job counts as running until there is room for how it ended."""
    bed.attempts, gate = disk, tmp_path / "gate"
    job = bed.begin(f"echo up; until [ -e {gate} ]; do sleep 0.05; done; head -c 50000 /dev/zero; exit 9")
    await job.says(b"up")
    others = fill(disk / "of others")
    gate.touch()
    leader = psutil.Process(job.attempt.identity().pid)
    what = "the command has ended, and its wrapper waits for room"
    await wait_until_async(leader.children, until=lambda left: not left, what=what)
    assert (job.ending, job.attempt.result()) == (None, None)
    others.unlink()
    ending = await job.ended()
    assert (ending.reason, ending.exit_code) == (EndReason.EXIT, 9)
    assert bytes(job.log) == b"up\n" + b"\0" * 50_000


async def test_a_disk_that_its_own_output_fills_holds_a_job_up_and_costs_it_nothing(bed, disk, monkeypatch):
    """It says four times what the disk holds, first while no server answers."""
    monkeypatch.setattr(spool, "LOOK_SECONDS", 0.02)
    bed.attempts, bed.chunk_bytes = disk, 10_000
    bed.answers.clear()
    job = bed.begin("seq 1000000 | head -c 4000000; exit 9")
    await wait_until_async(lambda: free_bytes(disk), until=lambda free: free == 0, what="the disk is full")
    whole = spool.Spool(bed.holdings.logs, megabytes=1000, free_bytes=lambda: free_bytes(disk))
    tidying = asyncio.create_task(whole.run())
    bed.answers.set()
    ending = await job.ended(timeout=60)
    tidying.cancel()
    assert (ending.reason, ending.exit_code) == (EndReason.EXIT, 9)
    written = "".join(f"{number}\n" for number in range(1, 1_000_001)).encode()[:4_000_000]
    assert hashlib.sha256(job.log).digest() == hashlib.sha256(written).digest()


@pytest.fixture
def disk(tmp_path):
    """Give a folder on a file system of one megabyte."""
    with small_disk(tmp_path / "disk", megabytes=1) as folder:
        yield folder
