"""Whatever the demo starts ends with it, whoever is killed and wherever it hides."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

DEMO = Path(__file__).parents[2] / "docs" / "demo"

WORK = """
import os, subprocess, sys, time
from pathlib import Path
from keeper import Stopped, keep

def daemonize():
    # As a daemon does: two forks, a session of its own, no parent that knows it.
    away = "if os.fork(): os._exit(0)\\n"
    hide = "import os, time\\n" + away + "os.setsid()\\n" + away + "time.sleep(600)"
    subprocess.run([sys.executable, "-c", hide], check=True)

def work():
    {work}

def stay():
    Path("ready").touch()
    while True:
        time.sleep(600)

sys.exit(keep(work))
"""


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Process]:
    """Give a process that keeps some work; the test says which."""
    environment = clean_environment(tmp_path, PYTHONPATH=str(DEMO))
    process = Process("keeper", [], environment=environment, log=tmp_path / "log", cwd=tmp_path)
    yield process
    process.kill_family()


def start(keeper: Process, work: str, *, until_ready: bool = True) -> Process:
    keeper.command = [sys.executable, "-c", WORK.format(work=work)]
    keeper.start()
    if until_ready:
        wait_until((keeper.cwd / "ready").exists, what="the work is under way")
    return keeper


def nothing_is_left(keeper: Process) -> None:
    wait_until(keeper.family, until=lambda pids: not pids, what="all that was started is gone")


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_is_that_of_the_work(keeper, code):
    start(keeper, f"daemonize(); return {code}", until_ready=False)
    assert keeper.wait() == code
    assert keeper.family() == set()


def test_an_error_in_the_work_leaves_nothing(keeper):
    start(keeper, "daemonize(); raise ValueError('planted')", until_ready=False)
    assert keeper.wait() == 1
    assert "ValueError: planted" in keeper.output()
    assert keeper.family() == set()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_ends_the_work_and_all_it_started(keeper, number, code):
    start(keeper, "daemonize(); stay()")
    keeper.send(number)
    assert keeper.wait() == code
    assert keeper.family() == set()


def test_the_work_may_end_in_order_when_a_signal_comes(keeper):
    start(keeper, "\n    try:\n        stay()\n    except Stopped:\n        print('in order')\n    return 0")
    keeper.send(signal.SIGINT)
    assert keeper.wait() == 0
    assert "in order" in keeper.output()


def test_a_second_signal_cuts_an_orderly_end_short(keeper):
    start(
        keeper,
        "\n    try:\n        stay()\n    finally:\n        Path('ending').touch(); daemonize(); stay()",
    )
    keeper.send(signal.SIGINT)
    wait_until((keeper.cwd / "ending").exists, what="the work ends in order")
    keeper.send(signal.SIGTERM)
    assert keeper.wait() == 143
    assert keeper.family() == set()


def test_a_keeper_that_is_killed_takes_everything_with_it(keeper):
    start(keeper, "daemonize(); stay()")
    keeper.send(signal.SIGKILL)
    nothing_is_left(keeper)


def test_a_worker_that_is_killed_takes_everything_with_it(keeper):
    start(keeper, "Path('pid').write_text(str(os.getpid())); daemonize(); stay()")
    worker = int((keeper.cwd / "pid").read_text())
    assert worker in keeper.family()
    os.kill(worker, signal.SIGKILL)
    assert keeper.wait() == 128 + signal.SIGKILL
    assert keeper.family() == set()
