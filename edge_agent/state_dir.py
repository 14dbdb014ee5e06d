"""The state directory: one agent's own, locked while it runs.

============================  ==========================================================================
``attempts/``                 one attempt directory per assignment (:mod:`edge_agent.attempt_dir`)
``kept/``                     those of jobs that failed, where these are to be kept (:mod:`edge_agent.kept`)
``task_logs/``                logs of tasks that stay on this host (:mod:`edge_agent.task_logs`)
``late_logs/``                logs of tasks that wait for the log store (the same)
``status.sock``               answers ``edge-agent status``, 0600 (:mod:`edge_agent.status.socket`)
``status.json``               what the agent said last, for when it does not run (:mod:`edge_agent.status.file`)
``host.key``                  the key of this host, which its sessions are bound to, 0600 (:mod:`edge_agent.host_key`)
``server_keys.json``          the keys whose jobs this host starts (:mod:`edge_agent.server_keys`)
``ended_jobs``                which jobs have run here (:mod:`edge_agent.ended_jobs`)
``program/``                  the agent's copy of its own program (:mod:`edge_agent.program`)
``agent.lock``                held by the running agent; its text says which
``tmux/``                     socket of the agent's own tmux server (:mod:`edge_agent.tmux_server`)
============================  ==========================================================================

What if it dies here? The lock is the kernel's and goes with the process, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from edge_agent.attempt_dir import Identity
from edge_agent.errors import StateDirError, StateDirHeld

logger = logging.getLogger(__name__)

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def default_state_dir() -> Path:
    """Return where an agent keeps its attempt directories: system-wide for root, else the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/edge-agent")
    state_home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state_home) / "edge-agent"


@dataclass(frozen=True)
class Holder:
    """The agent that holds a state directory. ``identity``: its process; None while it has not said which."""

    name: str
    identity: Identity | None

    def __str__(self) -> str:
        pid = self.identity.pid if self.identity else "not told yet"
        return f"agent {self.name!r} (pid {pid})"


class StateDir:
    """The directory of one agent. Nothing is created before :meth:`prepare`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attempts = path / "attempts"
        self.kept = path / "kept"
        self.status_file = path / "status.json"
        self.status_socket = path / "status.sock"
        self.host_key = path / "host.key"
        self.server_keys_file = path / "server_keys.json"
        self.ended_jobs_file = path / "ended_jobs"
        self.tmux = path / "tmux"
        self.program = path / "program"
        self._lock_file = path / "agent.lock"

    def prepare(self) -> None:
        """Create what is missing, for the owner alone, and try what an agent will have to do.

        A disk that is only full is no reason to refuse: what runs has to be looked after, and it may be
        its own logs that fill it, and that only an agent delivers.

        :raises StateDirError: saying what is wrong and what to do.
        """
        try:
            for path in (self.path, self.attempts):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.probe()
        except OSError as error:
            if error.errno not in NO_ROOM or not self.attempts.is_dir():
                raise StateDirError(self._complaint(error)) from error
            logger.error(  # noqa: TRY400  the traceback says nothing the sentence does not
                "There is no room in %s (%s). What runs is looked after; free space for new work.",
                self.path,
                error.strerror,
                extra={"event": "disk_full"},
            )

    def probe(self) -> None:
        """Write, flush and link a file as an attempt directory needs it.

        :raises OSError: when that fails now: the disk is full, read-only, or knows no hard links.
        """
        tried = self.attempts / f".probe-{uuid4()}"
        linked = tried.with_suffix(".linked")
        try:
            with tried.open("wb") as file:
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
            os.link(tried, linked)
        finally:
            tried.unlink(missing_ok=True)
            linked.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """How much the agent may still write here.

        :raises OSError: when the directory is not there.
        """
        return shutil.disk_usage(self.path).free

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the directory for the agent of this name.

        :raises StateDirHeld: when another agent holds it, saying which.
        :raises StateDirError: when the file system cannot lock.
        """
        try:
            handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateDirError(self._complaint(error)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise StateDirHeld(self._who_holds_it()) from None
        except OSError as error:
            os.close(handle)
            raise StateDirError(self._complaint(error)) from error
        try:
            self._sign(handle, json.dumps({"name": name, **asdict(Identity.of(os.getpid()))}).encode())
            yield
        finally:
            os.close(handle)

    def holder(self) -> Holder | None:
        """Return the agent that holds the directory now, or None.

        :raises StateDirError: when that cannot be told: the lock is another user's.
        """
        try:
            handle = os.open(self._lock_file, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateDirError(self._complaint(error)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._read_holder()
        finally:
            os.close(handle)
        return None

    def _sign(self, handle: int, text: bytes) -> None:
        """Say who holds the lock. On a full disk the place of what was there before has to do."""
        with suppress(OSError):
            os.pwrite(handle, text, 0)
            os.ftruncate(handle, len(text))

    def _read_holder(self) -> Holder:
        try:
            said = json.loads(self._lock_file.read_bytes())
        except ValueError:  # Its holder is between locking and writing.
            return Holder("unknown", None)
        return Holder(said["name"], Identity(said["pid"], said["start_ticks"], said["boot_id"]))

    def _who_holds_it(self) -> str:
        return (
            f"The {self._read_holder()} already uses the state directory {self.path}. "
            "Stop it, or give this agent another EDGE_AGENT_STATE_DIR."
        )

    def _complaint(self, error: OSError) -> str:
        return (
            f"The state directory {self.path} cannot be used: {error.strerror or error}. It must be on a "
            "local disk with space left, and writable for the user of the agent; or set EDGE_AGENT_STATE_DIR."
        )
