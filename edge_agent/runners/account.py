"""The user of the host that a command runs as, where that is not the agent's own."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = frozenset({"LANG", "LANGUAGE", "PATH", "TZ"})
"""What another user gets of the agent's environment, and ``LC_*``. The rest may be none of his business."""


@dataclass(frozen=True)
class Account:
    """One user, with the groups the host gives him."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    shell: str

    @classmethod
    def of(cls, name: str) -> Account:
        """Look a user up.

        :raises LookupError: when the host knows no such user.
        """
        entry = pwd.getpwnam(name)
        groups = tuple(os.getgrouplist(name, entry.pw_gid))
        return cls(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir, entry.pw_shell or "/bin/sh")

    @property
    def directory(self) -> str:
        """Where a command of his begins: his home, or ``/`` when that is not there."""
        return self.home if Path(self.home).is_dir() else "/"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return what a command of his begins with: who he is, and what says nothing of the agent."""
        kept = {name: value for name, value in inherited.items() if name in _PASSED_ON or name.startswith("LC_")}
        return kept | {"HOME": self.home, "LOGNAME": self.name, "SHELL": self.shell, "USER": self.name}
