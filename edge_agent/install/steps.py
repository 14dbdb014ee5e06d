"""What a plan is made of. Each step is data: it says what it is to do, whether that is due, and does it.

What if it dies here? A file is written beside and renamed over. Whatever is half done is due at the next run.
"""

from __future__ import annotations

import shlex
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from edge_agent.errors import CannotInstall
from edge_agent.install.host import Host
from edge_agent.install.layout import COMMENT, USER

BUSY = 8
"""How userdel says that a process of that user is still there."""

FOLLOW_SECONDS = 60.0
"""How long what an agent has started for itself may outlive it: one that imports Airflow looks up only then."""

LOOK_AGAIN_SECONDS = 0.1


class Step(ABC):
    """One step. ``changes``: whether it changes anything, or only looks."""

    changes: bool = True

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is about, in a line."""

    @property
    def makes(self) -> Path | None:
        """The file or directory that is there when it is done; None: it makes nothing of the kind."""
        return None

    def shown(self, _host: Host) -> Sequence[str]:
        """Return the lines that say all about it, for those who want to see before anything is done."""
        return ()

    @abstractmethod
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        """Return lines that say what it would change, or None when nothing is to do.

        ``is_changed``: whether a step before it changed anything, now or in a run that came to no end.
        """

    def undue(self, host: Host) -> str:
        """Return what is said of the step in a plan when nothing is to do."""
        return "is so already"

    @abstractmethod
    def do(self, host: Host) -> Sequence[str]:
        """Do it; return lines worth showing.

        :raises CannotInstall: when that is not possible; says why.
        :raises OSError: the same.
        """


@dataclass(frozen=True)
class MakeUser(Step):
    """A user of the system without a password or a shell. One that is there is left as it is."""

    name: str
    home: Path

    @property
    @override
    def title(self) -> str:
        return f"user {self.name}"

    @override
    def shown(self, host: Host) -> Sequence[str]:
        return ["$ " + shlex.join(self._words(host))]

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        return [] if host.user(self.name) is None else None

    @override
    def do(self, host: Host) -> Sequence[str]:
        return _run(host, self._words(host))

    def _words(self, host: Host) -> list[str]:
        where = [] if host.is_live else ["--prefix", str(host.root)]
        what = ["--home-dir", str(self.home), "--no-create-home", "--shell", "/usr/sbin/nologin", "--comment", COMMENT]
        group = ["--gid", self.name] if host.has_group(self.name) else ["--user-group"]
        return ["useradd", *where, "--system", *group, *what, self.name]


@dataclass(frozen=True)
class Run(Step):
    """A program to run. ``unless``: one that says by its success that nothing is to do.

    ``after_change``: only if something changed, now or in a run that came to no end. ``changes``: whether it
    changes anything itself.
    """

    words: tuple[str, ...]
    what: str
    unless: tuple[str, ...] = ()
    after_change: bool = False
    changes: bool = True

    @property
    @override
    def title(self) -> str:
        return self.what

    @override
    def shown(self, _host: Host) -> Sequence[str]:
        return ["$ " + shlex.join(self.words)]

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        if self.after_change and not is_changed:
            return None
        return None if self.unless and host.run(self.unless).returncode == 0 else self.shown(host)

    @override
    def do(self, host: Host) -> Sequence[str]:
        return _run(host, self.words)


@dataclass(frozen=True)
class Remove(Step):
    """Take away what was made: a file, or a directory with all that is in it, or (``if_empty``) only without."""

    target: Path
    if_empty: bool = False

    @property
    @override
    def title(self) -> str:
        return f"remove {self.target}"

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        place = host.place(self.target)
        if not place.exists() and not place.is_symlink():
            return [] if beside(place).exists() else None
        return None if self.if_empty and any(place.iterdir()) else []

    @override
    def undue(self, host: Host) -> str:
        is_there = host.place(self.target).exists()
        return "to be done, if what is before it leaves nothing in it" if is_there else super().undue(host)

    @override
    def do(self, host: Host) -> Sequence[str]:
        place = host.place(self.target)
        if place.is_symlink() or not place.is_dir():
            place.unlink(missing_ok=True)
            beside(place).unlink(missing_ok=True)
        elif self.if_empty:
            place.rmdir()
        else:
            shutil.rmtree(place)
        return ()


@dataclass(frozen=True)
class RemoveUser(Step):
    """Take away the user that was made, and the group of that name."""

    name: str

    @property
    @override
    def title(self) -> str:
        return f"remove user {self.name}"

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        entry = host.user(self.name)
        if entry is None:  # The group alone is what a removal has left that died.
            return [] if self.name == USER and host.has_group(self.name) else None
        return [] if entry.comment == COMMENT else None

    @override
    def do(self, host: Host) -> Sequence[str]:
        where = [] if host.is_live else ["--prefix", str(host.root)]
        words = ["userdel", *where, self.name]
        begun = time.monotonic()
        while host.run(words).returncode == BUSY and time.monotonic() - begun < FOLLOW_SECONDS:
            time.sleep(LOOK_AGAIN_SECONDS)
        if host.user(self.name) is not None:
            _run(host, words)
        if host.has_group(self.name):  # which userdel takes along, unless the host is set up otherwise
            _run(host, ["groupdel", *where, self.name])
        return ()


def beside(place: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return place.with_name(f".{place.name}.new")


def _run(host: Host, words: Sequence[str]) -> Sequence[str]:
    done = host.run(words)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode:
        told = "".join(f"\n    {line}" for line in said) if len(said) > 1 else " ".join(said) or "it said nothing"
        msg = f"`{shlex.join(words)}` ended with {done.returncode}: {told}"
        raise CannotInstall(msg)
    return said
