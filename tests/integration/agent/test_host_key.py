"""The key of a host and the tokens of its sessions, as an agent lives with them."""

from __future__ import annotations

import stat
from datetime import UTC, datetime

from edge_agent.protocol import HostConflict, JobState
from tests.integration.agent.steps import until_exists
from tests.support.fake_queue import AGENT_TOKEN
from tests.support.waiting import wait_until

CONFLICT = HostConflict(
    hostname="stolen\nhost", address="198.51.100.7", times=2, latest=datetime(2026, 1, 2, tzinfo=UTC)
)


def test_a_host_makes_a_key_and_is_the_same_host_after_a_restart(queue, agent):
    first = queue.host_key
    assert stat.S_IMODE((agent.state / "host.key").stat().st_mode) == 0o600
    agent.restart()
    wait_until(lambda: len(queue.registrations) == 2, what="it registers again", timeout=20)
    assert queue.host_key == first


def test_without_its_key_it_is_another_host_and_says_what_to_do(queue, agent):
    agent.stop()
    (agent.state / "host.key").unlink()
    agent.start()
    assert agent.process.wait(timeout=20) == 3
    assert "Stopping: The name belongs to another host." in agent.output()


def test_a_key_that_others_can_read_keeps_the_agent_from_starting(queue, agent):
    agent.stop()
    (agent.state / "host.key").chmod(0o644)
    agent.start()
    assert agent.process.wait(timeout=20) == 1
    assert f"chmod 600 {agent.state}/host.key" in agent.output()
    assert agent.run("check").returncode == 1


def test_the_agent_is_told_that_another_host_wants_its_name_and_says_it_once(queue, agent):
    queue.order(host_conflict=CONFLICT)
    wait_until(lambda: "event=host_conflict" in agent.output(), what="it warns", timeout=20)
    beats = len(queue.beats)
    queue.order(host_conflict=CONFLICT.model_copy(update={"times": 3}))
    wait_until(lambda: len(queue.beats) > beats + 1, what="it is told again", timeout=20)
    assert agent.output().count("event=host_conflict") == 1
    assert r"Another host ('stolen\nhost' at 198.51.100.7) has asked for this agent's name 2 times" in agent.output()
    wait_until(lambda: "3 times" in agent.run("status").stdout, what="the status says so", timeout=20)
    assert "HOST CONFLICT: another host" in agent.run("status").stdout
    queue.order(host_conflict=None)
    wait_until(lambda: "HOST CONFLICT" not in agent.run("status").stdout, what="it is dismissed", timeout=20)


def test_tokens_are_replaced_under_a_running_job_and_nobody_notices(queue, agent, tmp_path):
    """The one before is over as soon as the next is used, whatever is on its way with it."""
    gate = tmp_path / "gate"
    job = queue.submit(f"i=0; {until_exists(gate)}; seq 2000; echo end")
    wait_until(lambda: job.state is JobState.RUNNING, what="it runs", timeout=20)
    seen = {queue.session.token}
    for _ in range(3):
        queue.rotate()
        wait_until(lambda: queue.session.token not in seen, what="the next token is used", timeout=20)
        seen.add(queue.session.token)
    gate.touch()
    wait_until(lambda: job.state is JobState.SUCCEEDED, what="it ends", timeout=20)
    assert job.log.endswith(b"2000\nend\n")
    assert (len(seen), len(queue.registrations)) == (4, 1)
    assert not any(token in agent.output() for token in {*seen, AGENT_TOKEN})


def test_an_answer_that_brought_the_next_token_may_be_lost(queue, agent):
    token = queue.session.token
    queue.fault("poll", "drop", times=2)
    queue.fault("heartbeat", "drop", times=2)
    queue.rotate()
    wait_until(lambda: queue.session.token != token, what="the next token is used", timeout=30)
    assert len(queue.registrations) == 1


def test_a_token_that_has_expired_costs_the_session_and_no_job(queue, agent, tmp_path):
    gate = tmp_path / "gate"
    job = queue.submit(f"{until_exists(gate)}; echo end")
    wait_until(lambda: job.state is JobState.RUNNING, what="it runs", timeout=20)
    queue.end_session()
    wait_until(lambda: len(queue.registrations) == 2, what="it registers again", timeout=20)
    assert queue.registrations[1].held == (job.assignment_id,)
    gate.touch()
    wait_until(lambda: job.state is JobState.SUCCEEDED, what="it ends", timeout=20)
