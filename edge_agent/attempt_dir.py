"""Everything about one assignment on the host, in one directory that outlives the agent process.

==================  ===========================================  ===================================
file                written by, when                             what it proves
==================  ===========================================  ===================================
``offer.json``      agent, before it confirms                    this assignment was offered to us
``payload.json``    agent, after the confirm, before the start   it was confirmed (0600, holds a token)
``claim``           whoever decides first, exclusively           started, by the child, which puts down
                                                                 which process it is; or, empty, never,
                                                                 by an agent that gave up
``identity.json``   the child, where another process than the    which process is the job
                    one that claimed is the job
``token.wanted``    a task's supervisor                          Airflow does not take its token any more
``token.json``      agent; gone once it was taken                the new one (0600), or why there is none
``env.json``        agent, before a start in tmux                what the child's environment is to be
``output.log``      the child's stdout and stderr                what it said beside its log
``log/``            the child                                    the log of record
``said.log``        agent, where that does not pass the queue    its own words about it, which do
``stored``          a task's supervisor                          its log is in the log store
``result.json``     the child, or the parent that reaped it      how it ended
``progress.json``   agent                                        where the log is; an end asked for
``delivered``       agent, in place, whenever it sends of it     how much of the log the server has
==================  ===========================================  ===================================

Every JSON file is written beside and renamed over, flushed to the disk first, so that a reader sees all of it or
nothing; the claim appears whole by a hard link, which fails where there already is one. The directory is 0700.
What if it dies between two files? The next agent reads which are there: that is the whole state machine of a host.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from edge_agent.progress import Progress

Claim = Literal["started", "never"]


@dataclass(frozen=True)
class Identity:
    """Which process a job is. A pid alone may be somebody else's by now.

    ``start_ticks``: field 22 of ``/proc/<pid>/stat``, clock ticks since boot; 0 where there is no
    ``/proc``. ``boot_id``: ``/proc/sys/kernel/random/boot_id``, empty where there is none.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Read the identity of a living process.

        :raises ProcessLookupError: when there is no such process.
        """
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except FileNotFoundError:
            if Path("/proc/self/stat").exists():
                raise ProcessLookupError(pid) from None
            os.kill(pid, 0)
            return cls(pid, 0, "")
        # The command name may hold spaces and brackets: count the fields behind its closing one.
        start_ticks = int(stat.rpartition(b")")[2].split()[19])
        return cls(pid, start_ticks, boot_id())

    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie has ended)."""
        try:
            same = Identity.of(self.pid) == self
            return same and not _is_zombie(self.pid)
        except ProcessLookupError:
            return False


@dataclass(frozen=True)
class Result:
    """How the process of a job ended: an exit code, or the signal that ended it.

    ``state``: the last one that a task told Airflow (``success``, ``deferred``, ...), if it told one.
    """

    exit_code: int | None
    signal: int | None = None
    state: str | None = None
    message: str | None = None


class AttemptDir:
    """One attempt directory. Cheap to make: nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, attempts: Path, assignment_id: UUID, offer: dict[str, Any]) -> AttemptDir:
        """Make the directory of a new offer and flush it to the disk, before anything is confirmed.

        :raises OSError: when the disk is full or not ours; then the offer must not be confirmed.
        """
        path = attempts / str(assignment_id)
        path.mkdir(mode=0o700, exist_ok=True)
        attempt = cls(path)
        attempt.write("offer.json", offer)
        _sync_directory(attempts)
        return attempt

    @property
    def assignment_id(self) -> UUID:
        """The assignment this is about."""
        return UUID(self.path.name)

    @property
    def output(self) -> Path:
        """Where the child's stdout and stderr go."""
        return self.path / "output.log"

    @property
    def log_folder(self) -> Path:
        """The base log folder of an Airflow task."""
        return self.path / self.progress().log_folder

    @property
    def said(self) -> Path:
        """What the agent says about a log that does not pass the queue."""
        return self.path / "said.log"

    @property
    def stored(self) -> Path:
        """Is there once the log store has the log."""
        return self.path / "stored"

    def claim(self, who: Claim) -> Claim:
        """Decide once and for all whether this attempt was started; answer what was decided.

        The child claims ``started`` before it does anything; an agent that found an attempt it
        cannot account for claims ``never``. Exactly one of them wins, also across a crash. A claim
        ``started`` holds the identity of the caller: whoever sees the one knows the other. A claim
        ``never`` is an empty file: a full disk must not keep an agent from starting.

        :raises OSError: when it cannot be written; then nothing was decided.
        """
        target = self.path / "claim"
        try:
            if who == "never":
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            else:
                self._link("claim", asdict(Identity.of(os.getpid())))
        except FileExistsError:
            return self.claimed() or who
        _sync_directory(self.path)
        return who

    def claimed(self) -> Claim | None:
        """Return what was decided about this attempt, or None while nothing was."""
        try:
            return "started" if (self.path / "claim").stat().st_size else "never"
        except FileNotFoundError:
            return None

    def write_identity(self, identity: Identity) -> None:
        """Record which process is the job, where it is not the one that claimed the attempt."""
        self.write("identity.json", asdict(identity))

    def identity(self) -> Identity | None:
        """Return the process of the job, or None before it was started."""
        fields = self.read("identity.json")
        if fields is None and self.claimed() == "started":
            fields = self.read("claim")
        return Identity(**fields) if fields else None

    def write_result(self, result: Result) -> None:
        """Record how the process ended. The first record stands: the child knows better than its parent."""
        if not (self.path / "result.json").exists():
            self.write("result.json", asdict(result))

    def result(self) -> Result | None:
        """Return how the process ended, or None while that is not known."""
        fields = self.read("result.json")
        return Result(**fields) if fields else None

    def ran_seconds(self) -> float | None:
        """How long it ran, from its claim to its result or to now; None when it never started.

        From the times of files, which an agent's restart does not touch. For people: a host's clock may
        have been set meanwhile.
        """
        try:
            began = (self.path / "claim").stat().st_mtime
        except FileNotFoundError:
            return None
        if self.claimed() == "never":
            return None
        try:
            ended = (self.path / "result.json").stat().st_mtime
        except FileNotFoundError:
            ended = time.time()
        return max(0.0, round(ended - began, 3))

    def write_progress(self, progress: Progress) -> None:
        """Record what the agent has done so far."""
        self.write("progress.json", progress.fields())

    def progress(self) -> Progress:
        """Return what the agent has done so far."""
        return Progress.of(self.read("progress.json") or {})

    def forget_payload(self) -> None:
        """Remove the payload: it holds a token, and nobody needs it any more."""
        (self.path / "payload.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the whole attempt. Called when the server knows everything about it.

        Out of sight in one step first: half an attempt would tell the next agent something false.

        :raises OSError: when it cannot be taken out of sight.
        """
        gone = self.path.with_name(f".gone-{self.path.name}")
        try:
            self.path.rename(gone)
        except FileNotFoundError:
            return
        # What cannot be deleted now is found, and tried again, by the next start.
        shutil.rmtree(gone, ignore_errors=True)

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, 0600, whole or not at all, and on the disk when this returns.

        :raises OSError: when it cannot be written; then what was there before still is.
        """
        self._write_beside(name, content).replace(self.path / name)
        _sync_directory(self.path)

    def _link(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file whole where there is none.

        :raises FileExistsError: when there is one.
        """
        beside = self._write_beside(name, content)
        try:
            os.link(beside, self.path / name)
        finally:
            beside.unlink()

    def _write_beside(self, name: str, content: dict[str, Any]) -> Path:
        """Write a file that nobody looks for, and return it, to be put in its place in one step."""
        beside = self.path / f".{name}.{os.getpid()}.{threading.get_ident()}"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        return beside

    def read(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file, or None when it is not there."""
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return content


def boot_id() -> str:
    """Return what changes with each boot of the host; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False
    return stat.rpartition(b")")[2].split()[0] == b"Z"


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
