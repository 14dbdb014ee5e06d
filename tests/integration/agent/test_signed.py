"""An agent starts what its own server has signed, and tells another server from it."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from airflow_plugin.queue.signing_keys import SigningKeys
from edge_agent.protocol import EndReason, JobState
from tests.integration.agent.steps import ended, forgotten, running, until_exists
from tests.support.fake_queue import Job
from tests.support.fernet import FERNET_KEY
from tests.support.waiting import wait_until

OURS = urlsafe_b64decode(FERNET_KEY)
NEW, STRANGER = b"n" * 32, b"s" * 32


def public(key):
    return SigningKeys([key]).published[0].key


def test_a_job_that_was_changed_on_the_way_is_rejected_and_leaves_no_trace_of_having_run(queue, agent, tmp_path):
    changed = {"payload": f'{{"command": "touch {tmp_path}/ran"}}'}
    ending = ended(queue.submit_job(Job(payload={"command": "true"}, changed=changed)))
    assert (ending.state, ending.reason) == (JobState.FAILED, EndReason.REJECTED)
    assert "was changed after it was queued" in str(ending.message)
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    assert not (tmp_path / "ran").exists()


def test_a_new_key_is_learnt_with_the_first_job_it_has_signed(queue, agent):
    """No session begins with a rotation: API servers restart, and sessions go on."""
    session = queue.session
    queue.keys = SigningKeys([NEW, OURS])
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    assert queue.session is session
    assert public(NEW) in agent.run("server-key").stdout
    queue.keys = SigningKeys([NEW])
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    assert public(OURS) not in agent.run("server-key").stdout


def test_an_agent_that_has_nothing_to_do_learns_a_new_key_too(queue, agent):
    """Else the old one could not be removed before every agent has had a job."""
    queue.keys = SigningKeys([NEW, OURS])
    wait_until(lambda: public(NEW) in agent.run("server-key").stdout, what="it has pinned the new key")
    assert len(queue.registrations) == 1


def test_a_server_that_becomes_a_stranger_is_left_and_its_jobs_wait_for_who_knows_it(queue, agent):
    queue.keys = SigningKeys([STRANGER])
    job = queue.submit("true")
    assert agent.process.wait(timeout=20) == 6
    assert "This is not the server that this host knows" in agent.output()
    queue.keys = SigningKeys([OURS])
    agent.start()
    assert ended(job).state is JobState.SUCCEEDED


def test_a_job_that_a_stranger_has_signed_is_rejected(queue, agent):
    job = Job(payload={"command": "true"})
    stranger = job.signed(SigningKeys([STRANGER]).sign)
    job.changed = {"signature": stranger}
    ending = ended(queue.submit_job(job))
    assert ending.reason is EndReason.REJECTED
    assert "signed by a key that this host does not know" in str(ending.message)


def test_another_server_is_not_obeyed_and_what_runs_goes_on(queue, agent, tmp_path):
    gate = tmp_path / "gate"
    job = running(queue.submit(f"echo one; {until_exists(gate)}; echo two"), until=b"one\n")
    agent.crash()
    honest, queue.jobs = queue.jobs, {}  # it knows of no job: whoever obeyed it would end what runs
    queue.keys = SigningKeys([STRANGER])
    agent.start()
    assert agent.process.wait(timeout=20) == 6
    assert "This is not the server that this host knows" in agent.output()
    assert agent.attempts(), "nothing was dropped"

    queue.jobs, queue.keys = honest, SigningKeys([OURS])
    agent.start()
    gate.touch()
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"one\ntwo\n"


def test_an_agent_believes_another_server_when_it_is_told_to_forget(queue, agent):
    queue.keys = SigningKeys([STRANGER])
    queue.end_session()
    assert agent.process.wait(timeout=20) == 6
    assert "Forgotten" in agent.run("server-key", "--forget").stdout
    assert agent.run("server-key").stdout == "No server has been met yet.\n"
    agent.start()
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED


def test_a_key_that_was_said_beforehand_keeps_even_the_first_server_out(queue, agent_of):
    host = agent_of(queue, server_key=public(STRANGER))
    assert host.process.wait(timeout=20) == 6
    assert "Nothing of it is obeyed" in host.output()


def test_a_server_without_a_key_is_served_with_a_warning(queue, agent_of):
    queue.keys = SigningKeys([])
    host = agent_of(queue)
    assert ended(queue.submit("true")).state is JobState.SUCCEEDED
    wait_until(lambda: "event=unsigned" in host.output(), what="it warns")


def test_a_job_whose_row_was_put_back_into_the_queue_does_not_run_twice(queue, agent, tmp_path):
    """Its signature is good: who can write the database has changed nothing of it but its state."""
    job = queue.submit(f"echo x >> {tmp_path}/ran")
    assert ended(job).state is JobState.SUCCEEDED
    forgotten(agent)
    agent.restart()
    with queue.changed:
        job.state, job.ending, job.assignment_id = JobState.QUEUED, None, None
        queue.changed.notify_all()
    ending = ended(job)
    assert ending.reason is EndReason.REJECTED
    assert "It has run here already" in str(ending.message)
    assert (tmp_path / "ran").read_text() == "x\n"
