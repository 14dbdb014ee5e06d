"""A host of a test's own: installed by one command, changed and started again under work, left without a trace.

The agent, its user, its files and its jobs are real; systemctl is a stand-in that does what the unit says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_agent.protocol import EndReason, JobState
from tests.integration.agent.steps import ended, registered, running, until_exists
from tests.support.bare_host import PROGRAM, bare_host
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.waiting import wait_until

POLICY = "/etc/edge-agent/policy.toml"
ENVIRONMENT = "/etc/edge-agent/environment"
SETTINGS = "/etc/edge-agent/agent.toml"
UNIT = "edge-agent.service"
BACKUPS = ("/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-")


@pytest.fixture
def queue():
    """Give a queue API on loopback, which the host has in common with this machine."""
    with FakeQueue() as server:
        yield server


@pytest.fixture
def host(tmp_path):
    """Give a host with a stand-in for systemd."""
    with bare_host(tmp_path, systemd=True) as it:
        yield it


@pytest.fixture
def install(host, queue):
    """Give a function that installs an agent for commands, and writes its files before it is started."""

    def do(*words, start=True, more="", **how):
        site = ("--url", queue.url, "--name", "h1", "--queues", "q")
        host.edge_agent("install", *site, "--no-start", stdin=AGENT_TOKEN)
        host.run("tee", POLICY, stdin='[commands]\nallow = "shell"\n')
        host.run("tee", ENVIRONMENT, stdin=f"EDGE_AGENT_KINDS=command\n{more}\n")
        return host.edge_agent("install", *words, **how) if start else ""

    return do


def asked(host):
    """Return what the stand-in was asked."""
    return host.run("cat", "/run/asked").splitlines()


def test_one_command_makes_an_agent_and_one_takes_it_off_without_a_trace(host, queue):
    host.run("mkdir", "/etc/edge-agent")
    host.run("tee", ENVIRONMENT, stdin="EDGE_AGENT_KINDS=command\n")
    host.run("tee", POLICY, stdin='[commands]\nallow = "shell"\n')
    host.run("chmod", "600", ENVIRONMENT)
    before = host.tree()
    site = ("--url", queue.url, "--name", "h1", "--queues", "q")
    said = host.edge_agent("install", *site, stdin=AGENT_TOKEN)
    registered(queue)
    assert AGENT_TOKEN not in said
    assert not any(AGENT_TOKEN in line for line in asked(host))
    files = host.tree("/etc/edge-agent", "/var/lib/edge-agent")
    uid, gid = files["/var/lib/edge-agent"].split()[-1].split(":")
    assert uid != "0"
    assert files[SETTINGS].startswith(f"f 640 0:{gid}")
    assert files["/etc/edge-agent/token"].startswith(f"f 600 {uid}:{gid}")
    assert files[ENVIRONMENT].startswith("f 600 0:0")
    assert "Nothing to do" in host.edge_agent("install", *site)
    said = host.edge_agent("uninstall")
    assert "done: remove user edge-agent" in said
    after = {path: facts for path, facts in host.tree().items() if not path.startswith(("/run/units", "/run/asked"))}
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} <= set(BACKUPS)


def test_neither_a_restart_nor_a_changed_setting_costs_a_job(host, queue, install):
    install(more="EDGE_AGENT_DRAIN_TIMEOUT_SECONDS=0")
    job = queue.submit(f"echo one; {until_exists(Path('/run/gate'))}; id -un")
    running(job, until=b"one")
    host.run("systemctl", "restart", UNIT)
    registered(queue, 2)
    said = host.edge_agent("install", "--queues", "q,r")
    assert '-queues = ["q"]' in said
    assert f"done: {UNIT} restarts when it has drained; what runs lives on" in said
    registered(queue, 3)
    assert queue.registrations[-1].queues == ("q", "r")
    assert queue.registrations[-1].held == (job.assignment_id,)
    host.run("touch", "/run/gate")
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log).split() == [b"one", b"edge-agent"]
    assert "NOTIFY" not in job_environment(queue)
    host.edge_agent("uninstall")


def job_environment(queue):
    """Return the environment that a job has."""
    job = queue.submit("env")
    assert ended(job).state is JobState.SUCCEEDED
    return bytes(job.log).decode()


def test_a_host_with_running_jobs_is_left_only_when_that_is_said(host, queue, install):
    install()
    job = running(queue.submit("echo one; exec sleep 1000"), until=b"one")
    refused = host.edge_agent("uninstall", says="holds 1 running jobs and 0 that the server was not told of")
    assert "Say --keep-state to leave them, or --force to end and lose them" in refused
    said = host.edge_agent("uninstall", "--keep-state")
    assert "stop the agent of /var/lib/edge-agent; its jobs live on" in said
    assert job.state is JobState.RUNNING
    host.edge_agent("uninstall", says="holds 1 running jobs")
    install()
    registered(queue, 2)
    assert queue.registrations[-1].held == (job.assignment_id,)
    host.edge_agent("uninstall", "--force")
    assert (ended(job).state, ended(job).reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert "edge-agent" not in host.run("cat", "/etc/passwd")


def test_jobs_of_an_agent_that_has_crashed_end_with_the_removal(host, queue, install):
    install()
    job = running(queue.submit("echo $$; exec sleep 1000"), until=b"\n")
    host.run("sh", "-c", f"kill -9 $(cat /run/units/{UNIT})")
    host.edge_agent("uninstall", "--force")
    pid = bytes(job.log).decode().strip()
    wait_until(lambda: not host_has(host, pid), what="the job is gone")


def host_has(host, pid):
    return host.run("sh", "-c", f"cat /proc/{pid}/cmdline 2>/dev/null | tr '\\0' ' '; true").strip()


def test_the_agents_own_check_comes_before_the_service_is_enabled(host, queue, install):
    install(start=False)
    said = host.edge_agent("install", "--url", "http://127.0.0.1:1", "--check", says="Failed: what the agent says")
    assert "\n    FAIL address: http://127.0.0.1:1" in said, "each finding has a line of its own"
    assert not any(line.startswith(("enable", "start")) for line in asked(host))
    said = host.edge_agent("install", "--url", queue.url, "--check")
    assert "ok   registration: 'h1' may register for q" in said
    registered(queue)
    host.edge_agent("uninstall")


def test_an_agent_that_runs_already_is_not_started_beside(host, install):
    install(start=False)
    words = host.inside("runuser", "-u", "edge-agent", "--", PROGRAM, "run", "--config", SETTINGS)
    with host.process("by hand", "env", "EDGE_AGENT_KINDS=command", *words) as agent:
        wait_until(lambda: "Registered" in agent.output(), what="it is there", timeout=20)
        said = host.edge_agent("install", says="The agent 'h1' (pid ")
        assert f"runs already with /var/lib/edge-agent, and was not started by {UNIT}" in said
        assert "Nothing to do" in host.edge_agent("install", "--no-start")
        host.edge_agent("uninstall")
        assert agent.wait() == 0


def test_a_service_that_does_not_start_is_told_with_what_to_look_at(host, install):
    install(start=False)
    host.run("tee", POLICY, stdin="nonsense\n")
    said = host.edge_agent("install", says=f"Failed: {UNIT} starts")
    assert f"Job for {UNIT} failed" in said
    host.run("tee", POLICY, stdin='[commands]\nallow = "shell"\n')
    host.edge_agent("install")
    host.edge_agent("uninstall")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--url", "https://a"), "lacks queues: give --queues"),
        (("--url", "https://a", "--queues", "q"), "There is no token yet: give --token-file"),
        (("--url", "http://a", "--queues", "q"), "EDGE_AGENT_URL: http:// would send tokens in the clear"),
        (("--url", "https://a", "--queues", "a b"), "EDGE_AGENT_QUEUES"),
        (("--instance", "i", "--url", "https://a", "--queues", "q"), "--instance: give --name, too"),
        (("--url", "https://a", "--queues", "q", "--state-dir", "/etc"), "/etc holds other things"),
        (("--url", "https://a", "--queues", "q", "--state-dir", "/etc/passwd"), "is no directory"),
        (("--url", "https://a", "--queues", "q", "--user", "elt"), "this host knows no user 'elt'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_done(shared_host, words, says):
    before = shared_host.tree("/etc")
    shared_host.edge_agent("install", *words, says=says)
    assert shared_host.tree("/etc") == before


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory):
    """Give a host on which nothing is ever done."""
    with bare_host(tmp_path_factory.mktemp("shared"), systemd=True) as it:
        yield it


def test_anybody_may_see_what_a_removal_would_do(host, install):
    install(start=False)
    host.run("runuser", "-u", "edge-agent", "--", "touch", "/var/lib/edge-agent/agent.lock")
    said = host.run("runuser", "-u", "nobody", "--", PROGRAM, "uninstall", "--dry-run")
    assert "stop the agent of /var/lib/edge-agent, and what it runs: cannot be told: " in said
    assert f"remove {SETTINGS}: to be done" in said
    host.edge_agent("uninstall")


def test_a_removal_does_nothing_for_jobs_that_only_root_could(host, install):
    install(start=False)
    state = Path("/var/lib/edge-agent")
    host.run("runuser", "-u", "edge-agent", "--", "mkdir", "-p", state / "tmux", state / "attempts" / FORGED)
    with (
        host.process("others", *host.inside("sh", "-c", f"echo $$ > /run/others; {until_exists(Path('/run/gate'))}")),
        host.process(
            "forger", *host.inside("runuser", "-u", "edge-agent", "--", sys.executable, "-c", FORGER)
        ) as forger,
    ):
        wait_until(lambda: "listens" in forger.log.read_text(), what="the forger is ready")
        said = host.edge_agent("uninstall", "--force", says="Failed: stop the agent of /var/lib/edge-agent")
        assert f"/var/lib/edge-agent/attempts/{FORGED}" in said
        assert host_has(host, host.run("cat", "/run/others").strip())
        host.run("rm", "-r", state / "attempts" / FORGED)
        uid = host.run("id", "-u", "edge-agent").strip()
        host.edge_agent("uninstall", "--force")
        assert set(forger.log.read_text().splitlines()) == {"listens", f"called by {uid}", f"asked by {uid}"}
        host.run("touch", "/run/gate")


FORGED = "00000000-0000-4000-8000-000000000001"

FORGER = f"""
import json, socket, struct, time
from dataclasses import asdict
import sys
from pathlib import Path
from edge_agent.attempt_dir import Identity

state = Path("/var/lib/edge-agent")
while not (said := Path("/run/others").read_text() if Path("/run/others").exists() else ""):
    time.sleep(0.05)
(state / "attempts/{FORGED}/identity.json").write_text(json.dumps(asdict(Identity.of(int(said)))))
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(str(state / "tmux/socket"))
    listener.listen()
    print("listens", flush=True)
    is_asked = False
    while not is_asked:
        with listener.accept()[0] as caller:
            credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            is_asked = bool(caller.recv(1))
            print("asked" if is_asked else "called", "by", struct.unpack("3i", credentials)[1], flush=True)
"""
"""What a job could leave: a process of root's as its own, and what listens in the place of tmux; it says who calls."""
