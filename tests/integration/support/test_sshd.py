"""The sshd of tests and benchmarks lets its own key in, runs what it is told, and takes it all along when it ends."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.process import clean_environment
from tests.support.sshd import Sshd
from tests.support.waiting import wait_until


@pytest.fixture
def sshd(tmp_path):
    try:
        server = Sshd(tmp_path / "sshd")
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    with server:
        yield server


def run(sshd: Sshd, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    trusted = sshd.home / "known_hosts"
    key = (sshd.home / "host_key.pub").read_text()
    trusted.write_text(f"[127.0.0.1]:{sshd.port} {key}")
    program = shutil.which("ssh")
    assert program
    options = ("-F", "none", "-o", f"UserKnownHostsFile={trusted}", "-o", "BatchMode=yes", *options)
    return subprocess.run(
        [program, *options, "-p", str(sshd.port), f"{sshd.user}@127.0.0.1", command],
        check=False,
        env=clean_environment(sshd.home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_its_key_lets_in_and_each_command_is_a_session(sshd):
    done = run(sshd, "echo here; exit 7", "-i", str(sshd.home / "user_key"))
    assert (done.stdout, done.returncode) == ("here\n", 7), done.stderr
    assert sshd.sessions() == 1


def test_nobody_else_is_let_in(sshd):
    done = run(sshd, "echo here", "-o", "IdentitiesOnly=yes", "-i", str(sshd.home / "host_key"))
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_what_was_started_over_it_ends_with_it(sshd):
    run(sshd, "setsid sleep 300 >/dev/null 2>&1 < /dev/null &", "-i", str(sshd.home / "user_key"))
    wait_until(lambda: len(sshd.process.family()) > 1, what="something runs")
    sshd.process.kill_family()
    assert sshd.process.family() == set()
