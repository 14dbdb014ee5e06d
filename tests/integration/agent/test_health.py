"""How an agent says that it is well, or what is wrong: by its status and to probes, with real agents in trouble."""

from __future__ import annotations

import os
import resource
import signal
import socket

import httpx
import psutil
import pytest

from edge_agent.protocol import Directives
from edge_agent.state_dir import StateDir
from edge_agent.status.asking import ask
from edge_agent.status.file import last_words
from edge_agent.status.report import AgentState
from tests.integration.agent.steps import ended, registered, running
from tests.support.fake_queue import AGENT_TOKEN
from tests.support.ports import free_port
from tests.support.waiting import wait_until


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def probed(queue, agent_of, port):
    """Give an agent that answers probes, and is ready."""
    host = agent_of(queue, health_address=f"127.0.0.1:{port}")
    wait_until(lambda: report(host).ready.ok, what="it is ready", timeout=20)
    return host


def report(host, seconds=5.0):
    return ask(StateDir(host.state), timeout_seconds=seconds)


def probe(port, path, timeout=5.0):
    answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=timeout, trust_env=False)
    return answer.status_code, answer.json()["reasons"]


def not_ready(host, words):
    """Wait until the agent is live and not ready, with these words; return the words."""
    seen = wait_until(
        lambda: report(host),
        until=lambda it: it.live.ok and any(words in reason for reason in it.ready.reasons),
        what=f"it is live, and not ready: {words}",
        timeout=20,
    )
    return seen.ready.reasons


def test_an_agent_that_is_well_says_so_in_each_way(probed, port):
    for asked, said in ((["--live"], "live\n"), (["--ready"], "ready\n"), (["--json", "--ready"], "{\n")):
        shown = probed.run("status", *asked)
        assert (shown.returncode, shown.stdout.startswith(said)) == (0, True)
    assert all(loop.doing != "starting" and loop.ok for loop in report(probed).said.loops.values())
    assert (probe(port, "/live"), probe(port, "/ready")) == ((200, []), (200, []))
    assert "everybody who reaches this host" not in probed.output()


def test_answering_probes_costs_an_agent_no_memory_to_speak_of(probed, port):
    for _ in range(20):
        assert probe(port, "/live") == (200, [])
        report(probed)
    assert psutil.Process(probed.process.pid).memory_info().rss <= 60 * 1024**2


def test_one_that_was_stopped_does_not_answer_and_is_well_again_when_it_goes_on(probed, port):
    probed.suspend()
    shown = probed.run("status", "--live", "--timeout", "0.5")
    assert (shown.returncode, "does not answer within 0.5 s" in shown.stdout) == (1, True)
    assert report(probed, 0.5).state is AgentState.SILENT
    with pytest.raises(httpx.ReadTimeout):
        probe(port, "/live", timeout=0.5)
    probed.resume()
    assert report(probed).live.ok
    assert probe(port, "/live") == (200, [])


def test_one_whose_event_loop_is_blocked_does_not_answer(queue, agent_of, port, tmp_path):
    """It reads its token from a pipe that nobody writes to: in the event loop, and for ever."""
    file = tmp_path / "token"
    file.write_text(AGENT_TOKEN)
    file.chmod(0o600)
    host = agent_of(queue, token="", token_file=file, health_address=f"127.0.0.1:{port}")
    wait_until(lambda: report(host).ready.ok, what="it is ready", timeout=20)
    assert report(host).said.queue_api.agent_token_since is not None
    file.unlink()
    os.mkfifo(file, 0o600)
    queue.end_session()
    wait_until(lambda: report(host, 0.5).state, until=lambda it: it is AgentState.SILENT, what="it hangs")
    with pytest.raises(httpx.ReadTimeout):
        probe(port, "/live", timeout=0.5)
    file.write_text(AGENT_TOKEN)
    wait_until(lambda: report(host).live.ok, what="it goes on", timeout=20)


def test_one_that_was_killed_leaves_its_last_words_and_the_next_one_answers(probed, port):
    file = StateDir(probed.state)
    wait_until(lambda: (said := last_words(file)) and said.registered, what="the file says that it is registered")
    probed.crash()
    assert (probed.state / "status.sock").is_socket(), "nobody was there to take it away"
    shown = probed.run("status")
    assert (shown.returncode, "it was killed, or its host went down" in shown.stdout) == (1, True)
    assert "NOT RUNNING; this is what it last said" in shown.stdout
    said = report(probed).said
    assert (said.agent, said.registered, said.health_address) == ("h1", True, f"127.0.0.1:{port}")
    with pytest.raises(httpx.ConnectError):
        probe(port, "/live")
    probed.start()
    wait_until(lambda: report(probed).ready.ok, what="the next one is ready", timeout=20)
    assert probe(port, "/ready") == (200, [])


def test_one_that_left_says_why(queue, probed):
    assert probed.stop() == 0
    assert "it stopped: it left as it was told to. Start it" in report(probed).live.reasons[0]
    assert not (probed.state / "status.sock").exists()
    queue.fault("register", "status", times=None, status=401, body=b'{"reason":"unauthenticated","message":"revoked"}')
    probed.start()
    assert probed.process.wait(timeout=20) == 3
    assert "it stopped: revoked. Start it" in report(probed).live.reasons[0]


def test_a_server_that_is_away_makes_it_not_ready_and_no_less_live(queue, probed, port):
    queue.go_away()
    (reason,) = not_ready(probed, "has not answered for")
    assert "nobody listens at that address and port" in reason
    assert f"{queue.url} has not answered" in reason
    assert probe(port, "/live") == (200, [])
    status, reasons = probe(port, "/ready")
    assert (status, len(reasons)) == (503, 1)
    shown = probed.run("status", "--ready")
    assert (shown.returncode, shown.stdout.startswith("NOT READY: http://127.0.0.1")) == (1, True)
    assert probed.run("status").returncode == 0, "it runs"
    queue.come_back()
    wait_until(lambda: probe(port, "/ready") == (200, []), what="it is ready again", timeout=20)
    assert report(probed).said.queue_api.last_failure.verb in {"poll", "heartbeat"}


def test_one_that_never_met_its_server_is_live_and_not_ready(queue, agent_of):
    queue.go_away()
    host = agent_of(queue)
    (reason,) = not_ready(host, "(register: nobody listens")
    assert reason.startswith(f"It is not registered with {queue.url} (register")
    assert report(host).said.loops["session"].doing == "registering"
    queue.come_back()
    wait_until(lambda: report(host).ready.ok, what="it is ready", timeout=40)


def test_a_full_disk_makes_it_not_ready(queue, probed, port):
    """No file of the agent may grow beyond nothing: every write fails, as on a full disk."""
    queue.limits = queue.limits.model_copy(update={"offer_seconds": 0.5})
    _, hard = resource.prlimit(probed.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    job = queue.submit("true")
    (reason,) = not_ready(probed, "takes no new work: free space on it")
    assert str(probed.state) in reason
    assert probe(port, "/live") == (200, [])
    resource.prlimit(probed.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    ended(job)
    wait_until(lambda: report(probed).ready.ok, what="it is ready again", timeout=20)


def test_one_that_drains_is_not_ready_and_a_cordoned_one_is(queue, probed, port):
    running(queue.submit("echo up; sleep 300", label="nightly"), until=b"up")
    queue.order(cordoned="disk swap")
    wait_until(lambda: report(probed).said.cordon_reason == "disk swap", what="it is cordoned")
    assert report(probed).ready.ok
    queue.order(cordoned=None, draining=Directives(drain=True, drain_seconds_left=500))
    assert "It drains (drained by an admin)" in not_ready(probed, "when the 1 jobs that run are done")[0]
    assert 400 < report(probed).said.drain_seconds_left <= 500
    queue.order(draining=None)
    wait_until(lambda: report(probed).ready.ok, what="it is ready again", timeout=20)
    probed.process.send(signal.SIGTERM)
    assert "It drains (told to stop on this host)" in not_ready(probed, "It drains")[0]
    assert probe(port, "/live") == (200, [])
    assert probe(port, "/ready")[0] == 503


def test_the_status_says_how_far_a_log_is_behind(queue, probed):
    job = running(queue.submit("echo up; sleep 300", label="nightly"), until=b"up")
    wait_until(lambda: report(probed).said.jobs[0].log_bytes_delivered == 3, what="the log is there")
    (shown,) = report(probed).said.jobs
    assert (shown.label, shown.runner, shown.kind, shown.slots) == ("nightly", "local", "command", 1)
    assert (shown.job_id, shown.log_bytes_left, shown.since is not None) == (str(job.id), 0, True)


def test_no_secret_is_in_the_status_nor_at_the_probes(queue, probed, port):
    running(queue.submit("echo up; sleep 300", env={"PASSWORD": "planted-in-the-payload"}), until=b"up")
    body = f'{{"reason":"internal","message":"Bearer {AGENT_TOKEN}"}}'.encode()
    queue.fault("poll", "status", times=None, status=500, body=body)
    queue.end_session()
    registered(queue, 2)
    wait_until(
        lambda: report(probed).said.queue_api.last_failure,
        until=lambda it: it and it.verb == "poll" and "Bearer ***" in it.why,
        what="what went wrong is told without the token",
    )
    said = [probed.run("status").stdout, probed.run("status", "--json").stdout, probed.output()]
    said += [httpx.get(f"http://127.0.0.1:{port}/{page}", trust_env=False).text for page in ("live", "ready")]
    assert [text for text in said if AGENT_TOKEN in text or "planted-in-the-payload" in text] == []


def test_the_next_agent_answers_at_the_same_place_after_a_handover(queue, probed, port):
    assert probed.hand_over() == 0
    registered(queue, 2)
    wait_until(lambda: report(probed).ready.ok, what="the next one is ready", timeout=20)
    assert report(probed).said.pid == probed.process.pid
    assert probe(port, "/live") == (200, [])
    assert report(probed).state is AgentState.RUNNING


@pytest.fixture
def taken():
    """Give a port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_ends_the_agent_at_start_and_is_said(queue, agent_of, taken):
    host = agent_of(queue, health_address=f"127.0.0.1:{taken}")
    assert host.process.wait(timeout=20) == 2
    words = f"EDGE_AGENT_HEALTH_ADDRESS: cannot listen on 127.0.0.1:{taken}: Address already in use"
    assert words in host.output()
    assert "Traceback" not in host.output()
    assert f"it stopped: {words}" in report(host).live.reasons[0]
    assert f"FAIL probes: {words}" in host.run("check").stdout


def test_a_handover_to_a_port_that_is_taken_leaves_the_agent_that_runs(probed, taken, port):
    assert f"probes: are answered on 127.0.0.1:{port}" in probed.run("check").stdout, "it has it itself"
    probed.environment["EDGE_AGENT_HEALTH_ADDRESS"] = f"127.0.0.1:{taken}"
    refused = probed.run("run", "--handover")
    assert (refused.returncode, "cannot listen" in refused.stderr) == (2, True)
    assert report(probed).live.ok


def test_an_address_that_others_reach_is_told_in_the_log(queue, agent_of, port):
    host = agent_of(queue, health_address=f"0.0.0.0:{port}")
    wait_until(lambda: report(host).ready.ok, what="it is ready", timeout=20)
    assert f"EDGE_AGENT_HEALTH_ADDRESS is 0.0.0.0:{port}: everybody who reaches this host can ask" in host.output()
    assert probe(port, "/live") == (200, [])
