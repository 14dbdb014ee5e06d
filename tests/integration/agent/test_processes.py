"""Processes: their end is noticed whoever their parent is, and a signal never meets a stranger."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial

import psutil
import pytest

from edge_agent import processes
from edge_agent.attempt_dir import Identity
from edge_agent.processes import Process, sweep
from edge_agent.signals import on_signals
from tests.support.waiting import wait_until, wait_until_async


@pytest.fixture
def start():
    """Give a function that starts a shell in a session of its own; it is killed with the test."""
    started = []

    def shell(command):
        it = subprocess.Popen(["sh", "-c", command], start_new_session=True, stdout=subprocess.PIPE, text=True)
        started.append(it)
        return it

    yield shell
    for it in started:
        with suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
        it.communicate()


def gone(pid):
    wait_until(lambda: not psutil.pid_exists(pid), what=f"process {pid} is gone")


def grown(seen, count):
    return len(seen) > count


@pytest.fixture(params=["pidfd", "without pidfd"])
def either_way(request, monkeypatch):
    """Run a test with and without what only Linux has."""
    if request.param != "pidfd":

        def missing(_pid):
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", missing)
        monkeypatch.setattr(processes, "LOOK_AGAIN_SECONDS", 0.01)


@pytest.mark.usefixtures("either_way")
async def test_the_end_of_a_process_is_noticed(start):
    shell = start("read x < /dev/zero; exit 3")
    process = Process(Identity.of(shell.pid))
    ended = asyncio.ensure_future(process.ended())
    shell.kill()
    await asyncio.wait_for(ended, 10)


async def test_a_process_that_is_long_gone_has_ended():
    await asyncio.wait_for(Process(Identity(2**22 + 1, 1, "x")).ended(), 10)


async def test_a_pid_that_is_another_process_now_has_ended(start):
    shell = start("sleep 300")
    mine = Identity.of(shell.pid)
    await asyncio.wait_for(Process(Identity(mine.pid, mine.start_ticks - 1, mine.boot_id)).ended(), 10)


def spawn(command):
    return os.posix_spawn("/bin/sh", ["sh", "-c", command], {}, setsid=True)


@pytest.mark.parametrize(("command", "died_of"), [("kill -9 $$", 9), ("exit 3", None)])
async def test_an_own_child_is_reaped_and_its_signal_known(command, died_of):
    pid = spawn(command)
    process = Process(Identity.of(pid), own_child=True)
    await asyncio.wait_for(process.ended(), 10)
    assert process.died_of == died_of
    assert not psutil.pid_exists(pid), "nobody has reaped it"


@pytest.mark.usefixtures("either_way")
async def test_what_ends_when_asked_is_not_killed(start):
    shell = start("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    assert shell.stdout.readline() == "up\n"
    await asyncio.wait_for(Process(Identity.of(shell.pid)).end(30), 20)
    assert shell.wait() == 0
    assert shell.stdout.readline() == "asked\n"


@pytest.mark.usefixtures("either_way")
async def test_what_does_not_end_is_killed_with_its_family(start):
    shell = start("trap '' TERM; sleep 300 & echo $!; setsid sleep 300 & echo $!; while :; do sleep 0.05; done")
    children = [int(shell.stdout.readline()) for _ in range(2)]
    await asyncio.wait_for(Process(Identity.of(shell.pid)).end(0.1), 20)
    assert shell.wait() == -signal.SIGKILL
    for pid in children:
        gone(pid)


async def test_what_is_left_of_a_dead_leaders_session_is_swept(start):
    shell = start("trap '' HUP; sleep 300 & echo $!")
    identity = Identity.of(shell.pid)
    child = int(shell.stdout.readline())
    shell.wait()
    sweep(identity)
    gone(child)


def test_a_sweep_does_not_touch_the_session_of_whoever_has_the_pid_now(start):
    stranger = start("echo up; sleep 300")
    assert stranger.stdout.readline() == "up\n"
    now = Identity.of(stranger.pid)
    sweep(Identity(now.pid, now.start_ticks - 1, now.boot_id))
    sweep(Identity(now.pid, now.start_ticks, "another boot"))
    assert now.is_alive()


def test_a_sweep_of_ones_own_session_spares_oneself():
    """A supervisor ends what its task left."""
    program = (
        "import os, subprocess; from edge_agent.attempt_dir import Identity; from edge_agent.processes import sweep; "
        "child = subprocess.Popen(['sleep', '300']); sweep(Identity.of(os.getpid())); print(child.wait())"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, start_new_session=True
    )
    assert said.stdout == "-9\n"


async def test_ending_the_dead_is_no_error(start):
    shell = start("exit 0")
    identity = Identity.of(shell.pid)
    shell.wait()
    await asyncio.wait_for(Process(identity).end(1), 10)


async def test_the_first_signal_drains_the_next_ones_end_and_handlers_are_restored():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    seen = []
    with on_signals(
        first=lambda: seen.append("first"),
        further=lambda: seen.append("further"),
        hand_over=lambda: seen.append("hand over"),
    ):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
            count = len(seen)
            os.kill(os.getpid(), number)
            await wait_until_async(partial(grown, seen, count), what="the signal is handled")
    assert seen == ["first", "further", "hand over", "further"]
    assert {number: signal.getsignal(number) for number in before} == before
