"""A host without systemd: other service managers start the agent again, leave its jobs alone and know when to stop."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.install import other_managers
from edge_agent.install.layout import Layout
from edge_agent.install.other_managers import Service
from edge_agent.protocol import JobState
from tests.docs.documents import DOCS
from tests.integration.agent.steps import ended, registered, running, until_exists
from tests.support.bare_host import bare_host
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.process import program
from tests.support.waiting import wait_until

SERVICE = Service(Layout(), "edge-agent", Path("/opt/edge-agent/bin/edge-agent"), 3600)
FOLDER = "/etc/sv/edge-agent"
SUPERVISORD = "[supervisord]\nnodaemon=true\nlogfile=/run/supervisord.log\npidfile=/run/supervisord.pid\n"
LOG = "/var/log/edge-agent/agent.log"


@dataclass(frozen=True)
class Way:
    """A service manager: what it is given, how it is started, and how it shows that it will not start it again."""

    files: dict[str, str]
    words: tuple[str, ...]
    needs: str
    says_down: tuple[str, ...]
    down: str


WAYS = {
    "supervisord": Way(
        {"/etc/supervisord.conf": SUPERVISORD + other_managers.supervisord(SERVICE)},
        (program("supervisord"), "--configuration", "/etc/supervisord.conf"),
        "sh",
        ("tail", "-n1", "/run/supervisord.log"),
        "exited: edge-agent (exit status 0; expected)",
    ),
    "runit": Way(
        {
            f"{FOLDER}/run": other_managers.runit_run(SERVICE),
            f"{FOLDER}/finish": other_managers.runit_finish(),
        },
        ("runsv", FOLDER),
        "runsv",
        ("sh", "-c", f"sv status {FOLDER} || true"),
        "down: ",
    ),
}


@pytest.fixture
def queue():
    """Give a queue API on loopback."""
    with FakeQueue() as server:
        yield server


@pytest.fixture
def host(tmp_path):
    """Give a host without systemd, on which jobs can look for files of this test."""
    with bare_host(tmp_path, systemd=False) as it:
        yield it


def agent_pid(host):
    return str(json.loads(host.run("cat", "/var/lib/edge-agent/agent.lock"))["pid"])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_service_manager_keeps_the_agent_and_leaves_its_jobs(host, queue, way):
    if shutil.which(way.needs) is None:
        pytest.skip(f"{way.needs} is not installed (requirements/service_managers.sh)")
    host.run("mkdir", "-p", "/etc/sv")
    before = host.tree("/etc")
    said = host.edge_agent("install", "--url", queue.url, "--name", "h1", "--queues", "q", stdin=AGENT_TOKEN)
    assert all(line in said for text in way.files.values() for line in text.splitlines() if "[supervisord]" not in text)
    host.run("sh", "-c", "echo EDGE_AGENT_KINDS=command >> /etc/edge-agent/environment")
    host.run("tee", "/etc/edge-agent/policy.toml", stdin='[commands]\nallow = "shell"\n')
    for name, text in way.files.items():
        host.run("mkdir", "-p", Path(name).parent)
        host.run("tee", name, stdin=text)
        host.run("chmod", "755", name)
    with host.process("manager", *host.inside(*way.words)):
        registered(queue)
        job = running(queue.submit(f"echo one; {until_exists(Path('/run/gate'))}; id -un"), until=b"one")
        host.run("kill", "-9", agent_pid(host))
        registered(queue, 2, timeout=40)
        assert queue.registrations[1].held == (job.assignment_id,)
        host.run("touch", "/run/gate")
        assert ended(job).state is JobState.SUCCEEDED
        assert bytes(job.log).split() == [b"one", b"edge-agent"]
        host.run("kill", "-TERM", agent_pid(host))
        wait_until(
            lambda: host.run(*way.says_down), until=lambda said: way.down in said, what="it stays down", timeout=30
        )
    if way.needs == "sh":
        rotates(host)
    host.edge_agent("uninstall")
    host.run("rm", "-r", *{FOLDER if name.startswith(FOLDER) else name for name in way.files})
    after = host.tree("/etc")
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} <= {
        f"/etc/{name}-" for name in ("group", "gshadow", "passwd", "shadow")
    } | {"/etc/edge-agent", "/etc/edge-agent/policy.toml"}


def rotates(host):
    """See that logrotate moves the log aside, as the agent's user, and makes room in it."""
    assert "Registered" in host.run("cat", LOG)
    if shutil.which("logrotate"):
        host.run("logrotate", "--force", "--state", "/run/rotated", "/etc/logrotate.d/edge-agent")
        assert host.run("cat", LOG) == ""
        assert "Registered" in host.run("cat", f"{LOG}.1")


def test_it_runs_in_the_foreground(host, queue):
    host.edge_agent("install", "--url", queue.url, "--name", "h1", "--queues", "q", stdin=AGENT_TOKEN)
    host.run("sh", "-c", "echo EDGE_AGENT_KINDS=command >> /etc/edge-agent/environment")
    host.run("tee", "/etc/edge-agent/policy.toml", stdin='[commands]\nallow = "shell"\n')
    with host.process("foreground", *host.inside(*other_managers.foreground(SERVICE).split())):
        registered(queue)
        assert bytes(ended_job(queue).log) == b"/var/lib/edge-agent/airflow\n"
        assert "of another" not in host.edge_agent("uninstall", "--force")


def test_openrc_makes_a_log_that_the_agents_user_may_open(host, queue):
    host.edge_agent("install", "--url", queue.url, "--name", "h1", "--queues", "q", stdin=AGENT_TOKEN)
    host.run("tee", "/run/script", stdin=CHECKPATH + other_managers.openrc(SERVICE))
    host.run("sh", "-euc", ". /run/script; start_pre")
    assert host.run("runuser", "-u", "edge-agent", "--", "sh", "-c", f"echo Registered >> {LOG}; cat {LOG}")
    rotates(host)
    host.edge_agent("uninstall")


CHECKPATH = """
checkpath() {
    [ "$1 $2 $4" = "--file --owner --mode" ] && install --owner "$3" --mode "$5" /dev/null "$6"
}
"""
"""A stand-in for OpenRC's own, which makes a file as it is told."""


def ended_job(queue):
    """Return a job that has said what of the environment file it was given."""
    job = queue.submit('echo "$AIRFLOW_HOME"')
    assert ended(job).state is JobState.SUCCEEDED
    return job


@pytest.mark.parametrize(
    "text",
    [
        other_managers.supervisord(SERVICE),
        other_managers.runit_run(SERVICE),
        other_managers.runit_finish(),
        other_managers.openrc(SERVICE),
        other_managers.foreground(SERVICE),
    ],
    ids=["supervisord", "run", "finish", "openrc", "foreground"],
)
def test_the_page_shows_what_the_installation_shows(text):
    page = (DOCS / "how-to" / "without-systemd.md").read_text(encoding="utf-8")
    assert text in page


@pytest.mark.parametrize(
    "text", [other_managers.runit_run(SERVICE), other_managers.runit_finish(), other_managers.openrc(SERVICE)]
)
def test_a_script_is_one_for_a_shell(text):
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
