"""Becoming another user of the host for good, in a process that is about to run what is his."""

from __future__ import annotations

import os

from edge_agent.runners.account import Account
from edge_agent.runners.privileges import forbid_more


def become(account: Account, *, umask: int) -> None:
    """Give up root in this process: groups, group, user, home, umask; and the way back.

    What the process holds open stays open: that is for the caller to know.

    :raises PermissionError: when this process may not. Then it must not go on.
    """
    os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    os.umask(umask)
    os.chdir(account.directory)
    os.environ.update(account.identity)
    forbid_more()
