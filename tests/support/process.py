"""Real processes: started in a session of their own, logged to a file, stopped by pid, never leaked."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import guardian
from tests.support.waiting import wait_until

MACHINE_ENVIRONMENT = dict(os.environ)
"""The environment as the run was started with it: registries, proxies and certificates stand in it."""

MEMORY = Path("/dev/shm")  # noqa: S108  where Linux has it; what is below it is a folder of this run's own
ROOM = 3 * 2**30
"""Bytes that must be free there: the databases of three test processes, and what they write ahead."""

_BIN = Path(sys.executable).parent
_guard: _Guard | None = None


def clean_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment that has nothing of this process's but its programs.

    ``variables`` are added. What is started with it finds Python programs of this environment first.
    """
    path = os.pathsep.join([str(_BIN), os.environ.get("PATH", os.defpath)])
    inherited = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "TZ") if name in os.environ}
    base = {"PATH": path, "HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return inherited | base | variables


def program(name: str) -> str:
    """Return the path of a console script of this environment.

    :raises FileNotFoundError: when it is not installed there.
    """
    found = shutil.which(name, path=str(_BIN))
    if found is None:
        msg = f"{name} is not installed in {_BIN}: run `make setup`"
        raise FileNotFoundError(msg)
    return found


class Process:
    """One program, which may be started, stopped and killed again and again.

    ``log`` takes standard output and error, appended over all starts. ``environment`` and ``command``
    may be changed between two starts. ``user``: run as this one; needs root.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        cwd: Path,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self.cwd = cwd
        self.user = user
        self.mark = guardian.new(guardian.Mark.PROGRAM)
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it. It has its own session and process group, and nothing on standard input."""
        if self.is_running:
            msg = f"{self.name} runs already, as pid {self.pid}"
            raise RuntimeError(msg)
        watch_over_children()
        with self.log.open("ab") as log, guardian.applied(guardian.Mark.PROGRAM, self.mark):
            self._running = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
            )
        return self

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        return self._last.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._running is not None and self._running.poll() is None

    @property
    def returncode(self) -> int | None:
        """How the last start ended, as :mod:`subprocess` says it; None while it runs."""
        return self._last.poll()

    def output(self) -> str:
        """Return everything it has written so far, over all starts."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, not to its group."""
        self._last.send_signal(number)

    def wait(self, timeout: float = 30) -> int:
        """Wait for its end and return the exit code, negative for a signal.

        :raises NeverHappenedError: when it runs on; it is not stopped then.
        """
        what = f"{self.name} (pid {self.pid}) ends by itself"
        wait_until(lambda: not self.is_running, what=what, timeout=timeout)
        return self._last.wait()

    def stop(self, timeout: float = 15, *, first: signal.Signals = signal.SIGINT) -> int | None:
        """Ask it to end, wait, then kill its whole group. Stopping what does not run does nothing."""
        if self.is_running:
            self.send(first)
            with suppress(subprocess.TimeoutExpired):
                self._last.wait(timeout)
        return self.kill()

    def kill(self) -> int | None:
        """SIGKILL its process group and wait until the process is gone; return how it ended.

        What it moved to another group lives on, as it would after a real crash.
        """
        if self._running is None:
            return None
        with suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        return self._running.wait()

    def family(self) -> set[int]:
        """Return the pids of all it started over all starts, itself included, wherever they moved."""
        return guardian.marked(guardian.Mark.PROGRAM, self.mark)

    def kill_family(self) -> None:
        """SIGKILL it and all it started, as if somebody pulled the plug of its host."""
        guardian.kill_marked(guardian.Mark.PROGRAM, self.mark)
        self.kill()

    def must_run(self) -> None:
        """Fail with the end of its log when it has ended.

        :raises AssertionError: when it does not run.
        """
        if not self.is_running:
            tail = "\n".join(self.output().splitlines()[-40:])
            msg = f"{self.name} ended with {self.returncode}; the end of {self.log}:\n{tail}"
            raise AssertionError(msg)

    def __enter__(self) -> Self:
        return self if self.is_running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _last(self) -> subprocess.Popen[bytes]:
        if self._running is None:
            msg = f"{self.name} was never started"
            raise RuntimeError(msg)
        return self._running


def stop_all(processes: Iterable[Process], timeout: float = 15) -> None:
    """Stop several at the same time: ask all, wait for all, kill what is left of them."""
    running = [process for process in processes if process.is_running]
    for process in running:
        process.send(signal.SIGINT)
    for process in running:
        with suppress(AssertionError):
            process.wait(timeout)
        process.kill_family()


def watch_over_children() -> None:
    """From here on, see to it that nothing this process starts outlives it. Asked again, do nothing."""
    global _guard  # noqa: PLW0603  one for the whole run
    # Started in the background of a shell, this process ignores SIGINT, and so would its children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _guard is None:
        _guard = _Guard()
        atexit.register(_guard.dismiss)


def run_folder(*, in_memory: bool = False) -> Path:
    """Return a folder of this process's own. It is removed when the process ends, in whatever way.

    ``in_memory``: where files are not written to a disk, if this machine has room for that.
    """
    watch_over_children()
    assert _guard is not None
    return _guard.folders[-1 if in_memory else 0]


def left_behind() -> list[str]:
    """Return pid and command line of all that was started, by whomever, since the watch began."""
    if _guard is None:
        return []
    pids = guardian.marked(guardian.Mark.RUN, _guard.mark) - {os.getpid(), _guard.process.pid}
    return [f"{pid} {_command_line(pid)}" for pid in sorted(pids)]


class _Guard:
    """The guardian's process. Its input ends when this process ends, in whatever way."""

    def __init__(self) -> None:
        self.folders = [_new_folder(parent) for parent in (None, MEMORY) if parent is None or _has_room(parent)]
        self.mark = guardian.new(guardian.Mark.RUN)
        guardian.apply(guardian.Mark.RUN, self.mark)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, str(self.mark), *map(str, self.folders)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        # Its work is the same at a good end: kill what is left, remove the folders, then go.
        self.process.communicate()


def _new_folder(parent: Path | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="edge-agent-run-", dir=parent))
    folder.chmod(0o755)  # Postgres runs as somebody else where this process is root's.
    return folder


def _has_room(parent: Path) -> bool:
    return os.access(parent, os.W_OK) and shutil.disk_usage(parent).free >= ROOM


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return "(gone)"
