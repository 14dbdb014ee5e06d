"""The agent and the queue API as they meet in the field: two real processes, and no scheduler between."""

from __future__ import annotations

import hashlib
import json
import shutil
import time

import pytest
from sqlalchemy import update

from airflow_plugin import clock
from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow, SecretRow
from airflow_plugin.queue import agent_settings, events, jobs, steering, tokens
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState, RunnerName
from tests.integration.agent.steps import forgotten, until_exists
from tests.support.command_site import CommandSite
from tests.support.fernet import new_fernet_key
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(180)]


@pytest.fixture
def site(api_on_sqlite, tmp_path):
    it = CommandSite(api_on_sqlite, tmp_path / "host")
    with it.host:
        yield it
    it.engine.dispose()


def test_a_command_runs_and_every_byte_of_its_log_is_in_the_database(site, tmp_path):
    copy = tmp_path / "copy"
    job_id = site.submit(f"head -c 700000 /dev/urandom | tee {copy}; exit 3")
    job = site.ended(job_id)
    assert (job.state, job.reason, job.exit_code) == (JobState.FAILED, EndReason.EXIT, 3)
    assert hashlib.sha256(site.log(job_id)).digest() == hashlib.sha256(copy.read_bytes()).digest()
    forgotten(site.host)


def test_a_running_command_is_adopted_after_the_agent_was_killed(site, tmp_path):
    job_id = site.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two")
    site.says(job_id, b"one\n")
    site.host.crash()
    site.host.start()
    (tmp_path / "gate").touch()
    assert site.ended(job_id).state == JobState.SUCCEEDED
    assert site.log(job_id) == b"one\ntwo\n"


def test_a_cancelled_command_is_gone_within_seconds(site):
    job_id = site.submit("echo up; sleep 300")
    site.says(job_id, b"up")
    site.write(lambda session: jobs.cancel(session, [job_id], "the test"))
    assert site.ended(job_id, timeout=10).state == JobState.CANCELLED
    assert not any("sleep 300" in line for line in site.host.command_lines())


def test_an_agent_that_was_frozen_kills_what_was_taken_from_it_before_it_takes_more(site):
    job_id = site.submit("echo up; sleep 3000")
    site.says(job_id, b"up")
    site.host.suspend()
    assert site.ended(job_id).reason == EndReason.AGENT_LOST
    site.host.resume()
    following = site.submit("pgrep -f 'sleep 300[0]' > /dev/null && echo taken one runs; true")
    assert site.ended(following).state == JobState.SUCCEEDED
    assert site.log(following) == b""
    forgotten(site.host)


def test_an_agent_that_was_away_for_too_long_kills_what_it_finds_before_it_takes_more(site):
    job_id = site.submit("echo up; sleep 3000")
    site.says(job_id, b"up")
    site.host.crash()
    assert site.ended(job_id).reason == EndReason.AGENT_LOST
    following = site.submit("pgrep -f 'sleep 300[0]' > /dev/null && echo taken one runs; true")
    site.host.start()
    assert site.ended(following).state == JobState.SUCCEEDED
    assert site.log(following) == b""
    forgotten(site.host)


def test_a_token_copied_to_another_host_is_refused_and_both_are_told_and_the_work_goes_on(site, tmp_path):
    job_id = site.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two")
    site.says(job_id, b"one\n")
    session_id = site.agent().session_id
    with site.agent_of(tmp_path / "thief") as thief:
        assert thief.process.wait(timeout=30) == 3
        assert f"agents re-enrol {site.name}" in thief.output()
    wait_until(lambda: "event=host_conflict" in site.host.output(), what="the living one is told", timeout=20)
    wait_until(lambda: "HOST CONFLICT: another host" in site.host.run("status").stdout, what="so does its status")
    (tmp_path / "gate").touch()
    assert site.ended(job_id).state == JobState.SUCCEEDED
    assert site.log(job_id) == b"one\ntwo\n"
    assert (site.agent().session_id, site.agent().host_conflicts) == (session_id, 1)


def test_of_two_copies_of_one_host_the_newer_wins_and_the_older_stops_and_says_why(site, tmp_path):
    """What the older one had is not the newer one's, and is known to be gone at once."""
    job_id = site.submit("echo up; sleep 3000")
    site.says(job_id, b"up")
    copy = site.agent_of(tmp_path / "newer")
    copy.state.mkdir()
    shutil.copy2(site.host.state / "host.key", copy.state)
    with copy as newer:
        assert site.host.process.wait(timeout=30) == 5
        assert f"registered as '{site.name}'. Stop one, or rename it." in site.host.output()
        assert site.ended(job_id).reason == EndReason.AGENT_RESTART
        assert site.ended(site.submit("true")).state == JobState.SUCCEEDED
        assert newer.process.is_running


def test_a_revoked_token_ends_the_agents_session_within_a_heartbeat(site, api_on_sqlite):
    wait_until(lambda: site.ended(site.submit("true")), what="the agent works")
    heartbeat_seconds = float(api_on_sqlite.environment["AIRFLOW__EDGE_AGENT__HEARTBEAT_SECONDS"])
    began = time.monotonic()
    site.write(lambda session: tokens.revoke(session, site.name))
    assert site.host.process.wait(timeout=20) == 3
    assert time.monotonic() - began < heartbeat_seconds + 3, "and a moment to end in"
    assert "was revoked. Ask an admin for a new one." in site.host.output()


def test_a_rotated_token_is_taken_from_its_file_and_the_work_goes_on(site, tmp_path):
    job_id = site.submit(f"echo one; {until_exists(tmp_path / 'gate')}; echo two")
    site.says(job_id, b"one\n")
    session_id = site.agent().session_id
    secret = site.write(lambda session: tokens.rotate(session, site.name))
    (site.home / "token").write_text(secret.get_secret_value())
    assert site.agent().session_id == session_id, "a rotation with an overlap disturbs nobody"

    site.write(lambda session: end_overlap_and_sessions(session, site.agent().token_id))

    wait_until(lambda: site.agent().session_id != session_id, what="it registers with the new secret", timeout=20)
    (tmp_path / "gate").touch()
    assert site.ended(job_id).state == JobState.SUCCEEDED
    assert site.log(job_id) == b"one\ntwo\n"


def end_overlap_and_sessions(session, token_id):
    over = update(SecretRow).where(SecretRow.replaced_until.is_not(None)).values(replaced_until=clock.in_seconds(-1))
    session.execute(over.execution_options(synchronize_session=False))
    assert tokens.end_sessions(session, token_id, "The test ended it.") == 1


@pytest.mark.parametrize("what", ["payload", "queue", "runner", "signature"])
def test_a_job_whose_row_was_changed_never_starts_and_says_why(site, what):
    honest = site.submit_entry()
    site.audit(honest)
    ran = site.home / "ran"
    changes = {
        "payload": {"payload": json.dumps({"command": f"touch {ran}"})},
        "queue": {"queue": site.name, "placement": Placement(site.name).key},
        "runner": {"runner": RunnerName.LOCAL},
        "signature": {"signature": None},
    }
    queue = "of-another-host" if what == "queue" else site.name

    def queue_and_change(session):
        payload = {"command": "true" if what == "payload" else f"touch {ran}"}
        new = jobs.NewJob(kind=JobKind.COMMAND, placement=Placement(queue), payload=payload, label="job")
        job_id = jobs.submit(session, new, QueueConfig())
        session.execute(update(JobRow).where(JobRow.id == job_id).values(**changes[what]))
        return job_id

    job = site.ended(site.write(queue_and_change))

    assert (job.state, job.reason, job.ran_seconds) == (JobState.FAILED, EndReason.REJECTED, None)
    words = "The job is not signed" if what == "signature" else "The job was changed after it was queued"
    assert words in job.message
    assert not ran.exists()
    assert site.entries(honest) == ["start", "end"]
    forgotten(site.host)


def test_a_new_fernet_key_in_front_costs_nothing_while_the_old_one_stands_behind(site, api_on_sqlite, use_key):
    """Nobody tells the agent, whose session goes on: a job brings the key that it is signed with."""
    wait_until(lambda: site.ended(site.submit("true")), what="the agent works")
    session_id, old = site.agent().session_id, site.host.run("server-key").stdout
    api_on_sqlite.kill("api-server")
    before = site.submit("true")
    environment = api_on_sqlite.parts["api-server"].process.environment
    both = f"{new_fernet_key()},{environment['AIRFLOW__CORE__FERNET_KEY']}"
    environment["AIRFLOW__CORE__FERNET_KEY"] = both  # it stays: what the other tests queue is still good
    api_on_sqlite.start("api-server")
    use_key(both)
    after = site.submit("true")
    assert site.ended(before).state == JobState.SUCCEEDED
    assert site.ended(after).state == JobState.SUCCEEDED
    assert site.job(after).signature.partition(":")[0] != site.job(before).signature.partition(":")[0]
    assert site.agent().session_id == session_id
    assert site.host.run("server-key").stdout.endswith(old)


def test_an_api_server_that_is_killed_costs_nothing(site, api_on_sqlite, tmp_path):
    """One command ends while it is away, one runs on; the agent keeps its session."""
    ends, lives = tmp_path / "ends", tmp_path / "lives"
    first = site.submit(f"echo one; {until_exists(ends)}; echo two")
    second = site.submit(f"echo one; {until_exists(lives)}; echo two")
    for job_id in (first, second):
        site.says(job_id, b"one\n")
    session_id = site.agent().session_id
    api_on_sqlite.kill("api-server")
    ends.touch()
    wait_until(lambda: "assignment_ended" in site.host.output(), what="the first one ends")
    api_on_sqlite.start("api-server")
    assert site.ended(first).state == JobState.SUCCEEDED
    lives.touch()
    assert site.ended(second).state == JobState.SUCCEEDED
    assert (site.log(first), site.log(second)) == (b"one\ntwo\n", b"one\ntwo\n")
    assert site.agent().session_id == session_id


def test_a_cordon_holds_over_a_restart_of_the_agent(site):
    wait_until(lambda: site.ended(site.submit("true")), what="the agent works")
    site.write(lambda session: steering.cordon(session, site.name, by="the test", reason="disk swap"))
    wait_until(lambda: "Cordoned: disk swap" in site.host.output(), what="the agent is told")
    site.host.restart()
    job_id = site.submit("true")
    wait_until(lambda: site.host.output().count("event=registered") == 2, what="it registers", timeout=20)
    assert site.job(job_id).state == JobState.QUEUED
    site.write(lambda session: steering.uncordon(session, site.name))
    assert site.ended(job_id).state == JobState.SUCCEEDED


def test_an_agent_that_is_stopped_ends_what_runs_and_leaves(site):
    job_id = site.submit("echo one; sleep 600")
    site.says(job_id, b"one\n")
    site.write(lambda session: steering.stop(session, site.name, by="the test", reason="sold", grace_seconds=1))
    job = site.ended(job_id)
    assert (job.state, job.reason) == (JobState.CANCELLED, EndReason.CANCELLED)
    wait_until(lambda: site.agent().state, until=lambda state: state == AgentState.OFFLINE, what="it leaves")
    assert site.host.process.wait(timeout=15) == 0
    told = site.write(lambda session: events.listed(session, site.name, limit=2).events)
    assert [event.kind for event in told] == [EventKind.LEFT, EventKind.STOPPING]


def test_an_agent_serves_those_of_its_queues_that_an_admin_chooses_and_then_all_again(site):
    assert site.ended(site.submit("true")).state == JobState.SUCCEEDED
    site.host.stop()
    kept, left = site.name, f"other-of-{site.name}"
    site.host.process.environment["EDGE_AGENT_QUEUES"] = f"{kept},{left}"
    site.host.start()
    wait_until(lambda: site.agent().queues, until=lambda queues: left in queues, what="it serves both")
    chosen = agent_settings.Override(slots=1, queues=[kept])
    site.write(lambda session: agent_settings.change(session, site.name, chosen, by="the test"))
    wait_until(lambda: "lets this agent serve" in site.host.output(), what="it is told")
    job = jobs.NewJob(kind=JobKind.COMMAND, placement=Placement(left), payload={"command": "true"}, label="job")
    job_id = site.write(lambda session: jobs.submit(session, job, QueueConfig()))
    assert site.ended(site.submit("true")).state == JobState.SUCCEEDED
    assert site.job(job_id).state == JobState.QUEUED
    assert json.loads((site.host.state / "status.json").read_text())["slots"] == 1
    site.write(lambda session: agent_settings.change(session, site.name, agent_settings.Override(), by="the test"))
    assert site.ended(job_id).state == JobState.SUCCEEDED
