"""An upgrade in place: the next agent takes the place of the one that runs, and its work with it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest

from edge_agent.attempt_dir import Identity
from edge_agent.errors import StateDirHeld
from edge_agent.handover import take_over
from edge_agent.protocol import JobState
from edge_agent.state_dir import StateDir
from tests.integration.agent.steps import ended, registered, running, until_exists
from tests.support.process import Process, program
from tests.support.waiting import wait_until


@pytest.fixture
def next_agent(agent):
    """Give the agent that is to take over: another process of the same host and settings."""
    process = Process(
        "next agent",
        [program("edge-agent"), "run", "--handover"],
        environment=agent.environment,
        log=agent.home / "next.log",
        cwd=agent.home,
    )
    yield process
    process.kill_family()


def test_running_work_goes_on_under_the_agent_that_takes_over(queue, agent, next_agent, tmp_path):
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    job = queue.submit(f"echo x >> {runs}; echo one; {until_exists(gate)}; echo two")
    running(job, until=b"one")
    next_agent.start()
    assert agent.process.wait(timeout=20) == 0
    registered(queue, 2)
    assert queue.registrations[1].held == (job.assignment_id,)
    gate.touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert (bytes(job.log), runs.read_text(), job.offers) == (b"one\ntwo\n", "x\n", 1)
    assert ended(queue.submit("true", label="after")).state is JobState.SUCCEEDED


def test_a_handover_from_nobody_is_a_start(queue, agent, next_agent):
    agent.crash()
    next_agent.start()
    registered(queue, 2)
    next_agent.must_run()


def test_five_upgrades_in_a_row_cost_a_job_nothing(queue, agent, tmp_path):
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    job = queue.submit(f"echo x >> {runs}; echo up; {until_exists(gate)}; echo done")
    running(job, until=b"up")
    agent.process.command.append("--handover")
    for times in range(2, 7):
        before = agent.process.pid
        agent.process.send(signal.SIGUSR1)
        assert agent.process.wait(timeout=20) == 0
        agent.start()
        registered(queue, times)
        assert agent.process.pid != before
    gate.touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert (bytes(job.log), runs.read_text(), job.offers) == (b"up\ndone\n", "x\n", 1)


def test_an_agent_that_does_not_leave_keeps_its_place(queue, agent, next_agent):
    agent.suspend()
    next_agent.command.append("0.5")
    next_agent.start()
    assert next_agent.wait(timeout=20) == 4
    said = next_agent.output()
    assert f"(pid {agent.process.pid}) was asked to leave" in said
    assert "did not within" in said


def test_settings_that_are_wrong_leave_the_running_agent_alone(queue, agent, next_agent, tmp_path):
    next_agent.environment["EDGE_AGENT_CA_FILE"] = str(tmp_path / "nowhere.pem")
    next_agent.start()
    assert next_agent.wait(timeout=20) == 2
    beats = len(queue.beats)
    wait_until(lambda: len(queue.beats), until=lambda now: now > beats, what="the agent goes on beating")
    assert "handing_over" not in agent.output()


def test_a_pid_that_is_another_process_now_is_not_told_to_leave(tmp_path):
    """The lock is held, and its text is that of the agent before: it had the pid that a bystander has now."""
    state_dir = StateDir(tmp_path / "state")
    state_dir.prepare()
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        with state_dir.lock("h1"):
            before = asdict(Identity.of(bystander.pid)) | {"start_ticks": 1}
            (state_dir.path / "agent.lock").write_text(json.dumps({"name": "h1", **before}))
            with pytest.raises(StateDirHeld, match=f"pid {bystander.pid}"):
                take_over(state_dir, patience_seconds=0.2)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


AS_NOBODY = """
import os, sys
from pathlib import Path
from edge_agent.attempt_dir import Identity
from edge_agent.errors import AgentError
from edge_agent.handover import take_over
from edge_agent.state_dir import StateDir
Identity.of(os.getpid())  # what this needs of Python may be out of his reach
os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
try:
    take_over(StateDir(Path(sys.argv[1])), patience_seconds=5)
except AgentError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def nobodys():
    """Give a state directory of the user nobody, where he can reach it."""
    home = Path(tempfile.mkdtemp(prefix="nobodys-"))
    home.chmod(0o755)
    (state_dir := StateDir(home / "state")).prepare()
    for path in (state_dir.path, state_dir.attempts):
        shutil.chown(path, "nobody")
    yield state_dir
    shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("lock_is_nobodys", "said"),
    [
        (True, "StateDirHeld: The agent 'h1' (pid {pid}) that uses the state directory {path} is another user's; run"),
        (False, "StateDirError: The state directory {path} cannot be used: Permission denied"),
    ],
    ids=["agent", "lock"],
)
def test_an_agent_of_another_user_stays_and_the_next_one_says_as_whom_to_run(nobodys, lock_is_nobodys, said):
    """Somebody once started it with sudo: before its own user ever did, or after."""
    if lock_is_nobodys:
        with nobodys.lock("before"):
            shutil.chown(nobodys.path / "agent.lock", "nobody")
    with nobodys.lock("h1"):
        words = [sys.executable, "-c", AS_NOBODY, str(nobodys.path), str(pwd.getpwnam("nobody").pw_uid)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert said.format(pid=os.getpid(), path=nobodys.path) in done.stderr
