"""An upgrade in place: the next agent takes the place of the one that runs, and its work with it."""

from __future__ import annotations

import signal

import pytest

from edge_agent.protocol import JobState
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
