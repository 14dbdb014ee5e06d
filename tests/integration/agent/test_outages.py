"""The queue API is away, or wants to know nothing of this agent: what goes on, what waits, what stops."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from edge_agent.protocol import JobState
from tests.integration.agent.steps import ended, forgotten, met, registered, running, until_exists
from tests.support.faults import Call
from tests.support.waiting import wait_until


def test_what_ran_goes_on_and_is_delivered_once_and_in_order_when_the_server_is_back(queue, agent, tmp_path):
    """One job ends while the server is away, one runs on; logs come before ends, and nothing new starts."""
    gate, later = tmp_path / "gate", tmp_path / "later"
    ends = queue.submit(f"echo one; {until_exists(gate)}; echo two", label="ends")
    lives = queue.submit(f"echo one; {until_exists(later)}; echo two", label="lives")
    for job in (ends, lives):
        running(job, until=b"one")
    queue.go_away()
    gate.touch()
    wait_until(lambda: agent.output().count("assignment_ended"), what="the first one ends")
    wait_until(lambda: "contact_lost" in agent.output(), what="the agent says that the server is away")
    waits = queue.submit("echo new", label="waits")
    queue.calls.clear()
    queue.come_back()
    assert ended(ends).state is JobState.SUCCEEDED
    assert bytes(ends.log) == b"one\ntwo\n"
    theirs = [call.verb for call in queue.calls if _is_about(call, ends)]
    assert theirs == ["logs", "report"]
    assert ended(waits).state is JobState.SUCCEEDED
    later.touch()
    assert ended(lives).state is JobState.SUCCEEDED
    assert bytes(lives.log) == b"one\ntwo\n"
    assert (ends.offers, lives.offers, len(queue.registrations)) == (1, 1, 1)
    assert "The queue API answers again after" in agent.output()


def _is_about(call: Call, job) -> bool:
    return str(job.assignment_id) in call.path or (
        call.verb == "report" and str(job.assignment_id).encode() in call.body
    )


def test_an_outage_is_told_once_and_not_by_every_loop(queue, agent):
    running(queue.submit("echo up; sleep 300"), until=b"up")
    queue.go_away()
    wait_until(lambda: "contact_lost" in agent.output(), what="the agent says that the server is away")
    fault = queue.fault("*", "status", times=None)
    queue.come_back()
    met(fault, times=5)
    assert agent.output().count("event=contact_lost") == 1


def test_an_agent_starts_before_its_server_and_registers_when_that_comes(queue, agent_of):
    queue.go_away()
    host = agent_of(queue)
    wait_until(lambda: "contact_lost" in host.output(), what="the agent looks for its server", timeout=20)
    assert "nobody listens at that address" in host.output()
    queue.come_back()
    registered(queue)
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED


def test_an_agent_that_was_restarted_in_an_outage_with_work_registers_soon_after_it(queue, agent, tmp_path):
    """By then a server that came back has heard of it within the three intervals that it waits."""
    job = running(queue.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two"), until=b"one")
    queue.go_away()
    agent.crash()
    agent.start()
    wait_until(lambda: "contact_lost" in agent.output(), what="the agent says that the server is away", timeout=20)
    queue.calls.clear()
    fault = queue.fault("register", "status", times=None)
    queue.come_back()
    met(fault, times=6, timeout=60)
    times = [call.at for call in queue.calls_of("register")]
    assert max(after - before for before, after in pairwise(times)) < 6
    queue.orders.end()
    registered(queue, 2)
    assert queue.registrations[1].held == (job.assignment_id,)
    (tmp_path / "gate").touch()
    assert ended(job).state is JobState.SUCCEEDED


def test_an_ended_session_is_opened_again_with_what_is_held(queue, agent, tmp_path):
    job = queue.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two")
    running(job, until=b"one")
    queue.end_session()
    registered(queue, 2)
    assert queue.registrations[1].held == (job.assignment_id,)
    assert queue.registrations[1].instance == queue.registrations[0].instance
    (tmp_path / "gate").touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"one\ntwo\n"


def test_sessions_that_end_at_once_do_not_become_a_storm(queue, agent):
    fault = queue.fault("poll", "status", times=None, status=409, body=b'{"reason":"session_ended","message":"x"}')
    registered(queue, 3)
    fault.end()
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    assert len(queue.registrations) < 8


def test_an_agent_whose_name_was_taken_stops_and_leaves_its_work_alone(queue, agent):
    job = queue.submit("echo $$; sleep 300")
    running(job, until=b"\n")
    queue.order(superseded=True)
    assert agent.process.wait(timeout=15) == 5
    assert "Another process on h2 registered this name" in agent.output()
    assert job.state is JobState.RUNNING
    assert any("sleep 300" in line for line in agent.command_lines())


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ({"status": 401, "body": b'{"reason":"unauthenticated","message":"token unknown"}'}, "token unknown"),
        ({"status": 403, "body": b'{"reason":"forbidden","message":"queue q denied"}'}, "queue q denied"),
        ({"status": 400, "body": b'{"reason":"version","message":"speak version 2"}'}, "speak version 2"),
    ],
)
def test_an_agent_the_server_refuses_stops_and_says_why(queue, agent_of, refusal, said):
    queue.fault("register", "status", times=None, **refusal)
    host = agent_of(queue)
    assert host.process.wait(timeout=20) == 3
    assert said in host.output()
    assert "Traceback" not in host.output()


def test_a_token_revoked_while_the_agent_works_stops_it_and_its_work_is_adopted_later(queue, agent, tmp_path):
    job = queue.submit(f"echo up; {until_exists(tmp_path / 'gate')}")
    running(job, until=b"up")
    refusal = queue.fault(
        "register", "status", times=None, status=401, body=b'{"reason":"unauthenticated","message":"revoked"}'
    )
    queue.end_session()
    assert agent.process.wait(timeout=15) == 3
    refusal.times = 0
    (tmp_path / "gate").touch()
    agent.start()
    assert ended(job).state is JobState.SUCCEEDED


def test_clocks_that_disagree_change_nothing(queue, agent_of):
    queue.clock_is_ahead = timedelta(minutes=10)
    host = agent_of(queue)
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    forgotten(host)


def test_an_idle_agent_beats_with_its_polls_and_with_nothing_else(queue, agent_of):
    queue.limits = queue.limits.model_copy(update={"heartbeat_seconds": 2.0})
    agent_of(queue)
    wait_until(lambda: len(queue.beats), until=lambda now: now >= 4, what="four beats", timeout=30)
    assert [call.verb for call in queue.calls if call.verb != "poll"] == ["register"]
    assert len(queue.calls_of("poll")) <= 7
    assert [beat.number for beat in queue.beats] == list(range(1, len(queue.beats) + 1))


def test_a_stuck_poll_does_not_silence_the_agent(queue, agent):
    fault = queue.fault("poll", "delay", times=None)
    met(fault)
    beats = len(queue.calls_of("heartbeat"))
    wait_until(lambda: len(queue.calls_of("heartbeat")), until=lambda now: now >= beats + 2, what="two lone beats")
    fault.end()
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
