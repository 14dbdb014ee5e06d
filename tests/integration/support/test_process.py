"""Processes of tests: they end when they are told to, and nothing outlives the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.support.process import Process, clean_environment, left_behind
from tests.support.waiting import wait_until

OBEYS = "import signal; print('ready', flush=True); signal.pause()"
IGNORES = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + OBEYS


@pytest.fixture
def python(tmp_path: Path):
    """Give a function that makes a process of a line of Python."""

    def make(line: str) -> Process:
        environment = clean_environment(tmp_path, COLOUR="blue")
        command = [sys.executable, "-c", line]
        return Process("python", command, environment=environment, log=tmp_path / "log", cwd=tmp_path)

    return make


def ready(process: Process) -> Process:
    wait_until(lambda: "ready" in process.output(), what="the process is ready")
    return process


def stragglers() -> list[str]:
    return [line for line in left_behind() if OBEYS in line]


def test_stopping_asks_with_sigint_first(python):
    with python(OBEYS) as process:
        ready(process)
    assert "KeyboardInterrupt" in process.output()


def test_stopping_what_does_not_listen_kills_it(python):
    with python(IGNORES) as process:
        assert ready(process).stop(timeout=0.1) == -signal.SIGKILL


def test_killing_takes_the_whole_group(python):
    process = python(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {OBEYS!r}]).wait()")
    with process:
        (child,) = wait_until(psutil.Process(ready(process).pid).children, what="the child is there")
        process.kill()
        wait_until(lambda: not child.is_running() or child.status() == "zombie", what="the child is gone")


def test_a_process_sees_nothing_of_our_environment_but_its_programs(python, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://secret")
    with python("import os; print(dict(os.environ)); print('ready', flush=True)") as process:
        output = ready(process).output()
    assert "'COLOUR': 'blue'" in output
    assert "secret" not in output


def test_a_process_that_ended_fails_with_the_end_of_its_log(python):
    with python("print('it is full'); raise SystemExit(3)") as process:
        assert process.wait() == 3
        with pytest.raises(AssertionError, match=r"ended with 3; .*\n.*it is full"):
            process.must_run()


def test_what_a_process_left_in_another_session_is_seen(python):
    line = f"import subprocess; subprocess.Popen(['setsid', {sys.executable!r}, '-c', {OBEYS!r}])"
    with python(line) as process:
        process.wait()
    (left,) = stragglers()
    os.kill(int(left.split()[0]), signal.SIGKILL)
    wait_until(lambda: not stragglers(), what="it is gone")


def test_pulling_the_plug_takes_what_moved_to_another_session_and_nothing_else(python):
    line = f"import subprocess, sys; subprocess.Popen(['setsid', sys.executable, '-c', {OBEYS!r}])"
    with python(OBEYS) as bystander, python(line) as process:
        process.wait()
        wait_until(process.family, what="the child is there")
        process.kill_family()
        assert not process.family()
        assert bystander.is_running


def test_what_a_killed_run_started_is_ended_all_the_same_and_its_folders_are_removed():
    """Whatever it did to its session and its environment, as programs with a process title do."""
    run = textwrap.dedent(f"""
        import signal, subprocess
        from tests.support.process import run_folder
        for folder in (run_folder(), run_folder(in_memory=True)):
            (folder / "a file").touch()
            print(folder)
        print(subprocess.Popen(["setsid", "env", "-i", {sys.executable!r}, "-c", {OBEYS!r}]).pid, flush=True)
        signal.pause()
    """)
    with subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folders = [Path(process.stdout.readline().strip()) for _ in range(2)]
        started = psutil.Process(int(process.stdout.readline()))
        assert all(folder.is_dir() for folder in folders)
        process.kill()
        wait_until(lambda: not started.is_running() or started.status() == "zombie", what="the guardian ends it")
        wait_until(lambda: not any(folder.exists() for folder in folders), what="it removes the folders")
