"""An agent that dies and comes back: at every step the next one finds what it needs, and no job runs twice."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict
from uuid import uuid4

import psutil

from edge_agent.attempt_dir import Identity
from edge_agent.protocol import EndReason, JobState
from tests.integration.agent.steps import attempts, ended, forgotten, met, registered, running, until_exists
from tests.support.waiting import wait_until


def test_a_running_command_is_adopted_after_the_agent_was_killed(queue, agent, tmp_path):
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    job = queue.submit(f"echo x >> {runs}; echo one; {until_exists(gate)}; echo two; exit 5")
    running(job, until=b"one")
    agent.crash()
    agent.start()
    registered(queue, 2)
    assert queue.registrations[1].held == (job.assignment_id,)
    assert queue.registrations[1].instance != queue.registrations[0].instance
    gate.touch()
    assert (ended(job).state, job.ending.exit_code, job.ending.reason) == (JobState.FAILED, 5, EndReason.EXIT)
    assert bytes(job.log) == b"one\ntwo\n"
    assert (runs.read_text(), job.offers, job.reports) == ("x\n", 1, 1)
    forgotten(agent)


def test_a_running_command_outlives_the_whole_process_group_of_its_agent(queue, agent, tmp_path):
    """All of it is signalled where somebody types Ctrl-C, or closes the terminal."""
    job = queue.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two")
    running(job, until=b"one")
    agent.process.kill()
    agent.start()
    registered(queue, 2)
    (tmp_path / "gate").touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert (bytes(job.log), job.offers) == (b"one\ntwo\n", 1)


def test_a_command_that_ended_while_no_agent_was_there_is_reported_by_the_next(queue, agent, tmp_path):
    gate = tmp_path / "gate"
    job = queue.submit(f"echo one; {until_exists(gate)}; echo two; kill -TERM $$")
    running(job, until=b"one")
    agent.crash()
    gate.touch()
    result = attempts(agent)[0] / "result.json"
    wait_until(result.exists, what="the wrapper writes the result")
    agent.start()
    assert (ended(job).reason, job.ending.signal) == (EndReason.SIGNAL, signal.SIGTERM)
    assert bytes(job.log) == b"one\ntwo\n"
    assert job.ending.ran_seconds > 0


def test_an_agent_killed_before_the_confirm_says_that_nothing_started(queue, agent):
    """It cannot know whether its last confirm was heard; the server may have the job as running."""
    fault = queue.fault("confirm", "drop", times=None)
    job = queue.submit("echo ran")
    met(fault)
    first = job.assignment_id
    agent.crash()
    fault.times = 0
    agent.start()
    registered(queue, 2)
    assert queue.registrations[1].never_started == (first,)
    assert ended(job).state is JobState.SUCCEEDED
    assert (job.offers, bytes(job.log)) == (2, b"ran\n")


def test_an_agent_killed_between_payload_and_start_says_that_nothing_started(queue, agent):
    """The payload is there, a claim is not. The process that was to start would find the claim taken."""
    agent.crash()
    left = agent.state / "attempts" / str(uuid4())
    left.mkdir(mode=0o700)
    offer = {
        "assignment_id": left.name,
        "job_id": str(uuid4()),
        "kind": "command",
        "slots": 1,
        "runner": "local",
        "label": "x",
    }
    (left / "offer.json").write_text(json.dumps(offer))
    (left / "payload.json").write_text('{"command": "echo never"}')
    agent.start()
    registered(queue, 2)
    assert [str(each) for each in queue.registrations[1].never_started] == [left.name]
    forgotten(agent)


def test_a_host_that_lost_power_reports_what_it_had_started_as_failed(queue, agent):
    job = queue.submit("echo one; sleep 300")
    running(job, until=b"one")
    agent.power_off()
    agent.start()
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.AGENT_RESTART)
    assert bytes(job.log) == b"one\n"
    assert "gone when the agent came back" in job.ending.message


def test_a_pid_that_is_another_process_now_is_neither_adopted_nor_signalled(queue, agent):
    """After a reboot the pid of the job belongs to somebody else."""
    job = queue.submit("echo one; sleep 300")
    running(job, until=b"one")
    agent.power_off()
    bystander = psutil.Process(os.getpid())
    claim = attempts(agent)[0] / "claim"
    identity = json.loads(claim.read_text()) | {"pid": bystander.pid}
    claim.write_text(json.dumps(identity))
    agent.start()
    assert ended(job).reason is EndReason.AGENT_RESTART
    assert bystander.is_running()


def test_after_a_reboot_a_process_that_looks_the_same_is_neither_adopted_nor_signalled(queue, agent):
    """Pid and start time may well be the same on a host that always starts alike. The boot id is not."""
    job = queue.submit("echo one; sleep 300")
    running(job, until=b"one")
    agent.power_off()
    same = asdict(Identity.of(os.getpid()))
    (attempts(agent)[0] / "claim").write_text(json.dumps(same | {"boot_id": "of the boot before"}))
    agent.start()
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.AGENT_RESTART)
    forgotten(agent)


def test_a_cancel_goes_on_after_the_agent_was_killed_in_the_middle_of_it(queue, agent_of):
    host = agent_of(queue, cancel_grace_seconds=600)
    job = queue.submit("trap '' TERM; echo up; while :; do sleep 0.05; done")
    running(job, until=b"up")
    queue.cancel(job)
    wait_until(lambda: "assignment_ending" in host.output(), what="the agent begins to end it")
    progress = attempts(host)[0] / "progress.json"
    wait_until(progress.exists, what="the agent notes it")
    host.crash()
    job.cancel_requested = False
    host.process.environment["EDGE_AGENT_CANCEL_GRACE_SECONDS"] = "0.1"
    host.start()
    assert ended(job).state is JobState.CANCELLED


def test_a_report_that_was_accepted_before_the_crash_is_accepted_again(queue, agent):
    fault = queue.fault("report", "drop", times=None)
    job = queue.submit("echo x")
    met(fault)
    agent.crash()
    fault.times = 0
    before = job.reports
    agent.start()
    forgotten(agent)
    assert job.state is JobState.SUCCEEDED
    assert job.reports <= before + 1


def test_several_jobs_are_adopted_and_their_slots_are_taken(queue, agent, tmp_path):
    gate = tmp_path / "gate"
    jobs = [queue.submit(f"echo up; {until_exists(gate)}", label=f"job {number}") for number in range(3)]
    for job in jobs:
        running(job, until=b"up")
    agent.crash()
    agent.start()
    registered(queue, 2)
    wait_until(lambda: [beat.free_slots for beat in queue.beats[-1:]] == [1], what="one of four slots is free")
    gate.touch()
    for job in jobs:
        assert ended(job).state is JobState.SUCCEEDED


def test_a_directory_that_cannot_be_read_is_left_alone_and_told(queue, agent):
    agent.crash()
    strange = agent.state / "attempts" / str(uuid4())
    strange.mkdir()
    (strange / "offer.json").write_text("{half")
    (agent.state / "attempts" / ".gone-x").mkdir()
    agent.start()
    registered(queue, 2)
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    wait_until(lambda: attempts(agent), until=lambda left: left == [strange], what="the rest is removed")
    assert "attempt_unreadable" in agent.output()
