"""Commands in tmux on a real agent: they outlive it, and are only taken where there is a tmux."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from edge_agent.protocol import EndReason, JobState, RunnerName
from edge_agent.state_dir import StateDir
from edge_agent.tmux_server import TmuxServer, session_name
from tests.integration.agent.steps import ended, forgotten, registered, running, until_exists
from tests.support.fake_queue import Job
from tests.support.process import program
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until


def submit(queue, command, label="nightly load"):
    return queue.submit_job(Job(payload={"command": command}, runner=RunnerName.TMUX, label=label))


def server_of(host):
    return TmuxServer(StateDir(host.state).tmux)


def advertised(queue):
    """Return what the agent has last said of its runners."""
    told = [queue.registrations[-1].capabilities, *(beat.capabilities for beat in queue.beats if beat.capabilities)]
    return {name for name in told[-1] if name.startswith("runner.")}


def test_a_job_in_tmux_outlives_its_agent_and_is_adopted_by_the_next(queue, agent, tmp_path):
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    job = submit(queue, f"echo x >> {runs}; echo one; {until_exists(gate)}; echo two; exit 5")
    running(job, until=b"one")
    agent.crash()
    agent.start()
    registered(queue, 2)
    assert queue.registrations[1].held == (job.assignment_id,)
    gate.touch()
    assert (ended(job).state, job.ending.exit_code, job.ending.reason) == (JobState.FAILED, 5, EndReason.EXIT)
    assert bytes(job.log) == b"one\ntwo\n"
    assert (runs.read_text(), job.offers, job.reports) == ("x\n", 1, 1)
    forgotten(agent)


def test_a_session_that_is_killed_while_no_agent_is_there_is_reported_by_the_next(queue, agent):
    job = running(submit(queue, "echo up; sleep 300"), until=b"up")
    agent.crash()
    server_of(agent).ask("kill-server")
    agent.start()
    ending = ended(job)
    assert (ending.state, ending.reason, ending.signal) == (JobState.FAILED, EndReason.SIGNAL, signal.SIGHUP)


def test_a_host_that_lost_power_reports_what_ran_in_tmux_as_failed(queue, agent):
    job = running(submit(queue, "echo up; sleep 300"), until=b"up")
    agent.power_off()
    agent.start()
    assert ended(job).reason is EndReason.AGENT_RESTART
    assert ended(submit(queue, "echo fine")).state is JobState.SUCCEEDED


def test_an_agent_says_that_it_has_tmux_as_soon_as_it_is_ready(queue, agent):
    what = "the server is told of both runners"
    wait_until(lambda: advertised(queue), until=lambda names: names == {"runner.local", "runner.tmux"}, what=what)
    ended(submit(queue, "true"))
    assert len([beat for beat in queue.beats if beat.capabilities]) == 1, "told once, not with each beat"


def test_an_agent_without_tmux_does_not_offer_it_and_works_all_the_same(queue, agent_of):
    host = agent_of(queue)
    registered(queue)
    host.stop()
    host.process.environment["PATH"] = str(Path(sys.executable).parent)
    del queue.beats[:]
    host.start()
    registered(queue, 2)
    assert ended(queue.submit("echo fine")).state is JobState.SUCCEEDED
    assert advertised(queue) == {"runner.local"}
    assert "tmux is not installed on this host" in host.output()
    host.environment["PATH"] = host.process.environment["PATH"]
    checked = host.run("check")
    assert checked.returncode == 0
    assert "note tmux: tmux is not installed on this host" in checked.stdout


def test_where_tmux_is_the_default_a_job_that_names_no_runner_runs_in_it(queue, agent_of, tmp_path):
    """One that names the other one does not; and what has begun stays what it is, whatever the next agent is set to."""
    host, gate = agent_of(queue, runner="tmux"), tmp_path / "gate"
    names_none = queue.submit(f"echo up; {until_exists(gate)}")
    names_local = queue.submit_job(Job(payload={"command": f"echo up; {until_exists(gate)}"}, runner=RunnerName.LOCAL))
    for job in (names_none, names_local):
        running(job, until=b"up")
    assert server_of(host).names() == [session_name("job", names_none.assignment_id)]
    host.crash()
    host.process.environment["EDGE_AGENT_RUNNER"] = "local"
    host.start()
    registered(queue, 2)
    assert "run it in one" in host.run("attach", str(names_none.id)).stderr
    assert "does not run in tmux" in host.run("attach", str(names_local.id)).stderr
    gate.touch()
    assert {ended(job).state for job in (names_none, names_local)} == {JobState.SUCCEEDED}


def test_where_tmux_is_the_default_and_not_there_no_work_is_taken_and_both_say_what_to_do(queue, agent_of):
    host = agent_of(queue)
    registered(queue)
    host.stop()
    folder = str(Path(sys.executable).parent)
    host.process.environment |= {"PATH": folder, "EDGE_AGENT_RUNNER": "tmux"}
    host.start()
    job = queue.submit("echo fine")
    said = "This host cannot start jobs now, and takes none: tmux is not installed on this host"
    wait_until(lambda: said in host.output(), what="the agent says why it takes no work")
    registered(queue, 2)
    assert job.offers == 0
    host.environment |= host.process.environment
    checked = host.run("check")
    assert checked.returncode == 1
    assert "FAIL tmux: tmux is not installed on this host" in checked.stdout
    assert "NOT READY" in host.run("status").stdout


def test_an_agent_that_stops_leaves_its_jobs_in_tmux_and_no_empty_server(queue, agent_of, tmp_path):
    host = agent_of(queue, drain_timeout_seconds=0)
    gate = tmp_path / "gate"
    job = running(submit(queue, f"echo up; {until_exists(gate)}"), until=b"up")
    host.stop()
    assert len(server_of(host).names()) == 1
    host.start()
    gate.touch()
    assert ended(job).state is JobState.SUCCEEDED
    forgotten(host)
    host.stop()
    wait_until(lambda: not server_of(host).runs(), what="the server has ended with the agent")


def attached(host, *arguments):
    command = [program("edge-agent"), "attach", *arguments]
    return Terminal(command, environment=host.environment, cwd=host.home)


@pytest.mark.parametrize("of", ["id", "assignment_id"])
def test_somebody_looks_at_a_job_and_types_nothing_into_it(queue, agent, of):
    """By the beginning of either id. Ctrl-B D leaves, and the job goes on."""
    job = running(submit(queue, "echo give me a name; read name; echo hello $name"), until=b"name")
    # What comes as fast as a test types is taken as pasted, and pasted keys do nothing in tmux itself.
    server_of(agent).ask("set-option", "-g", "assume-paste-time", "0")
    with attached(agent, str(getattr(job, of))[:13]) as terminal:
        terminal.shows("give me a name")
        terminal.type("nobody\r")
        terminal.type("\x02d")
        assert terminal.ended() == 0
    assert job.state is JobState.RUNNING
    with attached(agent, str(job.id), "--write") as terminal:
        terminal.shows("give me a name")
        terminal.type("somebody\r")
        assert terminal.ended() == 0
    ended(job)
    assert bytes(job.log) == b"give me a name\nhello somebody\n"


def test_what_cannot_be_shown_is_said_with_what_there_is(queue, agent):
    in_tmux = running(submit(queue, "echo up; sleep 300"), until=b"up")
    local = running(queue.submit("echo up; sleep 300", label="beside"), until=b"up")
    unknown = agent.run("attach", "ffffffffff")
    assert unknown.returncode == 1
    assert "No job of this host has an id that begins with 'ffffffffff'" in unknown.stderr
    assert f"nightly load (job {in_tmux.id}" in unknown.stderr
    assert "does not run in tmux" in agent.run("attach", str(local.id)).stderr
    no_terminal = agent.run("attach", str(in_tmux.id))
    assert no_terminal.returncode == 1
    assert "run it in one" in no_terminal.stderr
    server_of(agent).ask("kill-server")
    ended(in_tmux)
    forgotten_id = agent.run("attach", str(in_tmux.id))
    assert "it may have ended" in forgotten_id.stderr


def test_a_job_that_ended_and_was_not_reported_yet_is_told_as_that(queue, agent, tmp_path):
    gate = tmp_path / "gate"
    job = running(submit(queue, f"echo up; {until_exists(gate)}"), until=b"up")
    queue.go_away()
    gate.touch()
    result = agent.state / "attempts" / str(job.assignment_id) / "result.json"
    wait_until(result.exists, what="it has ended")
    assert "has ended" in agent.run("attach", str(job.id)).stderr
    queue.come_back()
    ended(job)


def test_a_host_without_an_agent_has_nothing_to_attach_to(queue, agent_of, tmp_path):
    host = agent_of(queue)
    host.environment["EDGE_AGENT_STATE_DIR"] = str(tmp_path / "nowhere")
    assert "No agent has ever run" in host.run("attach", "x").stderr
