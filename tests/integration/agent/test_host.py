"""The agent as a guest of its host: its directory, its secrets, its memory, and what it says of itself."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path

import psutil

from edge_agent.protocol import JobState, Poll
from edge_agent.status.report import Report
from tests.integration.agent.steps import attempts, ended, registered, running
from tests.support.fake_queue import AGENT_TOKEN
from tests.support.waiting import wait_until


def test_a_second_agent_with_the_same_state_directory_is_told_who_holds_it(queue, agent, agent_of):
    second = agent_of(queue, name="h2", state_dir=agent.state)
    assert second.process.wait(timeout=20) == 4
    assert f"The agent 'h1' (pid {agent.process.pid}) already uses the state directory" in second.output()
    assert "EDGE_AGENT_STATE_DIR" in second.output()
    assert len(queue.registrations) == 1


def test_a_full_disk_at_an_offer_confirms_nothing_and_asks_for_nothing_until_there_is_room(queue, agent):
    """No file of the agent may grow beyond nothing: every write fails, as on a full disk."""
    queue.limits = queue.limits.model_copy(update={"offer_seconds": 0.5})
    wait_until(lambda: asked_slots(queue)[-1:] == [4], what="it asks for work")
    _, hard = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    job = queue.submit("echo ran")
    wait_until(lambda: asked_slots(queue)[-1:] == [0] and job.offers, what="it asks for no work any more")
    assert queue.calls_of("confirm") == []
    assert attempts(agent) == []
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"ran\n"


def asked_slots(queue):
    return [Poll.model_validate_json(call.body).free_slots for call in queue.calls_of("poll")]


def test_no_secret_is_on_a_command_line_in_a_log_or_in_the_status(queue, agent):
    job = queue.submit("echo up; sleep 300", env={"PASSWORD": "planted-in-the-payload"})
    running(job, until=b"up")
    queue.fault("heartbeat", "status", status=500, body=f"Bearer {AGENT_TOKEN}".encode())
    queue.end_session()
    registered(queue, 2)
    said = [agent.output(), (agent.state / "status.json").read_text(), *agent.command_lines()]
    secrets = [AGENT_TOKEN, "planted-session-token", "planted-in-the-payload"]
    assert [secret for secret in secrets for text in said if secret in text] == []


def test_what_a_job_leaves_on_the_disk_is_for_the_agents_user_alone(queue, agent):
    running(queue.submit("echo up; sleep 300"), until=b"up")
    paths = [agent.state, *agent.state.rglob("*")]
    assert [path for path in paths if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)] == []


def test_the_token_is_read_from_its_file_at_each_registration(queue, agent_of, tmp_path):
    file = tmp_path / "token"
    file.write_text("eat_0123456789ab_an-old-token-that-was-revoked")
    file.chmod(0o600)
    host = agent_of(queue, token="", token_file=file)
    assert host.process.wait(timeout=20) == 3
    file.write_text(AGENT_TOKEN + "\n")
    host.start()
    registered(queue)


def test_an_idle_agent_needs_at_most_60_mb(queue, agent):
    ended(queue.submit("true"))
    megabytes = psutil.Process(agent.process.pid).memory_info().rss / 1024**2
    assert megabytes <= 60


def test_the_status_says_what_each_loop_and_each_job_does(queue, agent):
    job = queue.submit("echo up; sleep 300", label="nightly")
    running(job, until=b"up")
    wait_until(lambda: "nightly" in agent.run("status").stdout, what="the status shows the job", timeout=20)
    shown = agent.run("status")
    assert shown.returncode == 0
    for words in ("agent h1: running", "registered", "3 of 4 slots free", "job nightly: running", "polling: "):
        assert words in shown.stdout
    report = Report.model_validate_json(agent.run("status", "--json").stdout)
    assert report.said is not None
    assert (report.state, report.said.registered, report.said.cordoned) == ("running", True, False)
    assert [each.job_id for each in report.said.jobs] == [str(job.id)]
    loops = {
        "session",
        "polling",
        "heartbeat",
        "reporting",
        "renewal",
        "runners",
        "kept",
        "spool",
        "status",
        "event loop",
        "task logs",
    }
    assert set(report.said.loops) == loops


def test_the_status_of_a_dead_agent_says_that_it_is_dead(queue, agent):
    agent.crash()
    shown = agent.run("status")
    assert shown.returncode == 1
    assert "NOT RUNNING" in shown.stdout
    assert json.loads(agent.run("status", "--json").stdout)["state"] == "stopped"


def test_a_host_without_an_agent_says_so(queue, agent_of, tmp_path):
    host = agent_of(queue)
    host.environment["EDGE_AGENT_STATE_DIR"] = str(tmp_path / "nowhere")
    assert host.run("status").returncode == 1
    assert "No agent has ever run" in host.run("status").stdout


def test_json_logs_are_one_object_a_line_with_the_fixed_keys(queue, agent_of):
    host = agent_of(queue, log_format="json")
    job = queue.submit("true", label="nightly")
    ended(job)
    lines = [json.loads(line) for line in host.output().splitlines()]
    assert all({"timestamp", "level", "message", "event", "agent"} <= set(line) for line in lines)
    about = [line for line in lines if line.get("job_id") == str(job.id)]
    assert {line["event"] for line in about} >= {"assignment_started", "assignment_ended"}
    assert all(line["assignment_id"] == str(job.ending.assignment_id) for line in about)


def test_wrong_settings_end_the_agent_with_the_name_of_the_variable(queue, agent_of):
    host = agent_of(queue, slots="many")
    assert host.process.wait(timeout=20) == 2
    assert "EDGE_AGENT_SLOTS" in host.output()
    assert "Traceback" not in host.output()


def test_an_agent_runs_in_a_directory_that_is_no_place_to_import_from(queue, agent_of, tmp_path):
    """A file named like a module of the standard library must not become part of a job's wrapper."""
    Path(tmp_path / "h1").mkdir()
    for name in ("json.py", "shutil.py"):
        (tmp_path / "h1" / name).write_text("raise SystemExit('imported from the working directory')")
    agent_of(queue)
    job = queue.submit("echo fine", cwd="/")
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"fine\n"
