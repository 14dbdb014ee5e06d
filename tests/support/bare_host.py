"""A host of a test's own to install an agent on: namespaces in which nothing of this machine can be changed or ended.

``/etc`` is a copy, and what else an installation writes to begins empty. The users made there are real, and so are
the agents, their state and their jobs; the network is this machine's. What is mounted and what runs goes with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = Path("/opt/edge-agent/bin/edge-agent")
EMPTY = ("/opt", "/run", "/var/lib", "/var/log")
"""Beside ``/etc``, what an installation, or what runs there, writes to."""

INIT = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
while signal.sigtimedwait([signal.SIGCHLD], 1) or True:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""
"""Process 1 of the host, which sees to what others have left, as every one does: a user with a zombie stays."""

STAND_IN = Path(__file__).with_name("stand_in_systemctl.py")


class BareHost:
    """The host. ``home``: a directory of the test's, which the host sees too."""

    def __init__(self, home: Path, *, systemd: bool) -> None:
        self.home = home
        self._systemd = systemd
        apart = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--mount-proc")
        self._namespace = self.process("namespace", *apart, sys.executable, "-I", "-S", "-c", INIT)

    def process(self, name: str, *words: str, log: Path | None = None) -> Process:
        """Return a program to run, inside only if its words say so (:meth:`inside`)."""
        variables = clean_environment(self.home)
        return Process(name, words, environment=variables, log=log or self.home / f"{name}.log", cwd=Path("/"))

    def inside(self, *words: str | Path) -> list[str]:
        """Return a command line that runs another on the host."""
        ours = f"/proc/{self._namespace.pid}/ns"
        return ["nsenter", f"--mount={ours}/mnt", f"--pid={ours}/pid_for_children", *map(str, words)]

    def run(self, *words: str | Path, says: str = "", stdin: str = "") -> str:
        """Run a command on the host and return all it printed.

        :raises AssertionError: when it fails; or, with ``says``, when it does not fail with these words.
        """
        done = subprocess.run(
            self.inside(*words),
            check=False,
            cwd="/",
            env=clean_environment(self.home, PATH="/run/stand-ins:/usr/sbin:/usr/bin:/sbin:/bin"),
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert bool(done.returncode) == bool(says), f"{words} ended with {done.returncode}:\n{done.stdout}"
        assert says in done.stdout
        return done.stdout

    def edge_agent(self, *words: str | Path, says: str = "", stdin: str = "") -> str:
        """Run the agent's own command line there."""
        return self.run(PROGRAM, *words, says=says, stdin=stdin)

    def tree(self, *folders: str) -> dict[str, str]:
        """Return what is in some directories: paths, with mode, owner and content of each."""
        # What the agent is still writing is no place to look into.
        passing = ("-path", "*/program/.*", "-prune", "-o", "-printf", r"%p %y %m %U:%G\0")
        found = self.run("find", *(folders or ("/etc", *EMPTY)), *passing)
        entries = dict(each.partition(" ")[::2] for each in found.split("\0") if each)
        files = [path for path, facts in entries.items() if facts.startswith("f ")]
        sums = self.run("sha256sum", "-z", *files).split("\0") if files else []
        entries |= {each[66:]: entries[each[66:]] + each[:64] for each in sums if each}
        return entries

    def __enter__(self) -> Self:
        self._namespace.start()
        # Its own /proc is the last that is mounted: then the first process there is one of its own.
        there = [*self.inside("cat", "/proc/1/cmdline")]
        asked = lambda: subprocess.run(there, check=False, capture_output=True).stdout  # noqa: E731  of one line
        wait_until(asked, until=lambda said: b"sigtimedwait" in said, what="the host is there")
        self._mount()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._namespace.kill_family()

    def _mount(self) -> None:
        stage = self.home / "stage"
        stage.mkdir()
        shutil.copytree("/etc", self.home / "etc", symlinks=True, ignore=shutil.ignore_patterns("edge-agent*"))
        for number, (closed, wanted) in enumerate(_behind_closed_doors().items()):
            for index, each in enumerate(wanted):
                (kept := stage / f"{number}-{index}").mkdir()
                self.run("mount", "--rbind", each, kept)
            self._mount_empty(closed)
            for index, each in enumerate(wanted):
                self.run("mkdir", "-p", each)
                self.run("mount", "--rbind", stage / f"{number}-{index}", each)
        self.run("mount", "--bind", self.home / "etc", "/etc")
        for folder in EMPTY:
            self._mount_empty(Path(folder))
        self.run("mkdir", "-p", PROGRAM.parent, "/run/stand-ins")
        self._install(PROGRAM, "import sys\nfrom edge_agent.cli import main\nsys.exit(main())\n")
        if self._systemd:
            self.run("mkdir", "-p", "/run/systemd/system")
            self._install(Path("/run/stand-ins/systemctl"), STAND_IN.read_text(encoding="utf-8"))

    def _mount_empty(self, folder: Path) -> None:
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)

    def _install(self, program: Path, code: str) -> None:
        self.run("tee", program, stdin=f"#!{sys.executable}\n{code}")
        self.run("chmod", "755", program)


def _behind_closed_doors() -> dict[Path, list[Path]]:
    """Return the directories that other users may not pass, with what they need of what is behind them."""
    needed: dict[Path, list[Path]] = {}
    for path in dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT)):
        closed = next((each for each in reversed(path.parents) if not each.stat().st_mode & 0o001), None)
        if closed:
            needed.setdefault(closed, []).append(path)
    return needed


def why_not() -> str | None:
    """Say why there can be no such host here; None where there can."""
    if os.geteuid() != 0 or Path(sys.prefix).stat().st_uid != 0:
        return "only root can mount, and this environment must be root's own"
    tried = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True, text=True)
    return f"no mount namespaces here: {tried.stderr.strip()}" if tried.returncode else None


@contextmanager
def bare_host(home: Path, *, systemd: bool) -> Iterator[BareHost]:
    """Give a host; skip the test where there can be none. ``systemd``: with a stand-in that starts units."""
    if why := why_not():
        pytest.skip(why)
    with BareHost(home, systemd=systemd) as host:
        yield host
