"""The state directory's disk is full: nothing is lost, nothing new begins, and all goes on when there is room."""

from __future__ import annotations

import pytest

from edge_agent.protocol import EndReason, JobState
from tests.integration.agent.steps import ended, forgotten, registered, running, until_exists
from tests.support.small_disk import fill, small_disk
from tests.support.waiting import wait_until


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", megabytes=4) as folder:
        yield folder


@pytest.fixture
def agent(disk, queue, agent_of):
    """Give an agent with its state directory on the small disk."""
    host = agent_of(queue, state_dir=disk)
    registered(queue)
    host.state = disk
    return host


def test_an_agent_that_starts_on_a_full_disk_looks_after_what_runs_and_takes_nothing_new(queue, agent, disk, tmp_path):
    gate = tmp_path / "gate"
    job = running(queue.submit(f"echo up; {until_exists(gate)}; seq 10000; exit 7"), until=b"up")
    never = running(queue.submit("echo up; sleep 300", label="cancelled"), until=b"up")
    agent.crash()
    others = fill(disk / "of others")
    agent.start()
    registered(queue, 2)
    assert set(queue.registrations[1].held) == {job.assignment_id, never.assignment_id}
    waits = queue.submit("echo fine", label="waits")
    wait_until(lambda: "asking for none until it does" in agent.output(), what="it takes no new work")
    assert "There is no room in" in agent.output()
    assert "FAIL disk: only 0 MB free" in agent.run("check").stdout
    wait_until(lambda: waits.offers and waits.state is JobState.QUEUED, what="the offer goes back", timeout=30)
    queue.cancel(never)
    assert ended(never).state is JobState.CANCELLED
    gate.touch()
    assert job.state is JobState.RUNNING
    others.unlink()
    ending = ended(job)
    assert (ending.reason, ending.exit_code) == (EndReason.EXIT, 7)
    assert bytes(job.log) == b"up\n" + "".join(f"{number}\n" for number in range(1, 10_001)).encode()
    assert ended(waits, timeout=30).state is JobState.SUCCEEDED
    assert (job.reports, waits.reports) == (1, 1)
    forgotten(agent)


def test_a_second_agent_is_still_told_who_holds_the_directory(queue, agent, agent_of, disk):
    agent.stop()
    others = fill(disk / "of others")
    agent.start()
    registered(queue, 2)
    second = agent_of(queue, name="h2", state_dir=disk)
    assert second.process.wait(timeout=20) == 4
    assert f"agent 'h1' (pid {agent.process.pid}) already uses the state directory" in second.output()
    others.unlink()
