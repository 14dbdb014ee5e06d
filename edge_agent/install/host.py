"""The host that is installed on: this one, or a directory that becomes one (``--root``), as with DESTDIR.

Below a directory nothing outside of it is touched: users are looked up, and made, in its own ``etc/passwd``.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import CannotInstall
from edge_agent.policy.file import changeable_by_others
from edge_agent.tmux_server import SYSTEMD_RUNS

ANSWER_SECONDS = 120.0
"""How long a program such as useradd or systemctl may take: seconds, on a host that is not stuck."""


@dataclass(frozen=True)
class Entry:
    """A user of the host."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    comment: str


@dataclass(frozen=True)
class Host:
    """Where to install. ``root``: the directory that stands for ``/``. ``has_systemd``: whether a unit is of use."""

    root: Path = Path("/")
    has_systemd: bool = True

    @classmethod
    def this(cls) -> Host:
        """Look at this host."""
        return cls(has_systemd=SYSTEMD_RUNS.is_dir())

    @property
    def is_live(self) -> bool:
        """Whether it is this host, and not a directory."""
        return self.root == Path("/")

    def place(self, path: Path) -> Path:
        """Return where a path of the host is to be found by us."""
        return self.root / path.relative_to("/")

    def knows_users(self) -> bool:
        """Whether users can be looked up and made: a directory may be a mere part of a package."""
        return self.is_live or self.place(Path("/etc/passwd")).is_file()

    def user(self, name: str) -> Entry | None:
        """Look a user up; None: there is none of that name."""
        if not self.is_live:
            return self._user_of_file(name)
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            return None
        groups = tuple(os.getgrouplist(name, found.pw_gid))
        return Entry(name, found.pw_uid, found.pw_gid, groups, found.pw_gecos)

    def group_of(self, name: str) -> str:
        """Return the name of the group of a user: his own where there is no such user yet."""
        entry = self.user(name)
        if entry is None:
            return name
        if not self.is_live:
            return next((fields[0] for fields in self._list("group") if fields[2] == str(entry.gid)), str(entry.gid))
        try:
            return grp.getgrgid(entry.gid).gr_name
        except KeyError:
            return str(entry.gid)

    def has_group(self, name: str) -> bool:
        """Whether there is a group of that name."""
        if not self.is_live:
            return any(fields[0] == name for fields in self._list("group"))
        try:
            grp.getgrnam(name)
        except KeyError:
            return False
        return True

    def ids(self, owner: str) -> tuple[int, int] | None:
        """Return who ``owner`` is as numbers; None where that is not known, or cannot be given anything."""
        if os.geteuid() != 0:
            return None
        if owner == "root":
            return 0, 0
        entry = self.user(owner)
        return (entry.uid, entry.gid) if entry else None

    def distrust(self, path: Path) -> str | None:
        """Say why it is not safe to write to a path: who else could change what is there; None: it is safe.

        :raises OSError: when that cannot be seen.
        """
        place = self.place(path)
        if place.is_symlink():
            return f"{place} is a link"
        existing = next(each for each in (place, *place.parents) if each.exists())
        if not existing.resolve().is_relative_to(self.root.resolve()):
            return f"{existing} leads out of {self.root}"
        return changeable_by_others(existing, frozenset({0, os.geteuid()}))

    def run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program of the host, and return what came of it.

        :raises CannotInstall: when it cannot be run, or does not come to an end.
        """
        try:
            return subprocess.run(
                words,
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
            )
        except OSError as error:
            msg = f"{words[0]} could not be run: {error.strerror}."
            raise CannotInstall(msg) from error
        except subprocess.TimeoutExpired:
            msg = f"{words[0]} did not come to an end within {ANSWER_SECONDS:.0f} s."
            raise CannotInstall(msg) from None

    def has(self, program: str) -> bool:
        """Whether a program is there."""
        return shutil.which(program) is not None

    def systemctl(self, *words: str) -> list[str]:
        """Return the command line of systemctl for this host."""
        return ["systemctl", *([] if self.is_live else [f"--root={self.root}"]), *words]

    def is_active(self, unit: str) -> bool:
        """Whether systemd runs a unit now."""
        return (
            self.is_live and self.has_systemd and self.run(self.systemctl("is-active", "--quiet", unit)).returncode == 0
        )

    def _user_of_file(self, name: str) -> Entry | None:
        for fields in self._list("passwd"):
            if fields[0] == name:
                return Entry(name, int(fields[2]), int(fields[3]), (int(fields[3]),), fields[4])
        return None

    def _list(self, name: str) -> list[list[str]]:
        """Return the lines of ``etc/passwd`` or ``etc/group``, field by field."""
        file = self.place(Path("/etc") / name)
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
        return [line.split(":") for line in lines]
