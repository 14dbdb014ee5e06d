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

    @property
    def identity(self) -> dict[str, str]:
        """The variables that say who he is."""
        return {"HOME": self.home, "LOGNAME": self.name, "SHELL": self.shell, "USER": self.name}

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return what a command of his begins with: who he is, and what says nothing of the agent."""
        kept = {name: value for name, value in inherited.items() if name in _PASSED_ON or name.startswith("LC_")}
        return kept | self.identity


def check_account(name: str) -> None:
    """Refuse a user that a job cannot become.

    :raises CannotStart: saying what to do.
    """
    # Imported here: the process of each command reads this module, and never comes here.
    from edge_agent.errors import CannotStart

    if os.geteuid() != 0:
        own = pwd.getpwuid(os.geteuid()).pw_name
        msg = (
            f"It was to run as user {name!r}, which only an agent of root can do; this one runs as {own!r}. "
            "Run the agent as root, or leave run_as_user out."
        )
        raise CannotStart(msg)
    try:
        Account.of(name)
    except LookupError:
        msg = f"It was to run as user {name!r}, whom this host does not know. Create the user, or name another."
        raise CannotStart(msg) from None
