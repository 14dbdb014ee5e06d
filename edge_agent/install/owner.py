"""Being the owner of a directory for a while, instead of root.

What lies in a state directory was written by the agent's user, and so maybe by a job: which process to end, who
listens at the socket of tmux. Root would end any process for it, and a tmux that root has called can make its caller
run what it likes. As the owner nothing comes of it that the owner could not do himself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Have all that is done meanwhile done as the owner of a directory; as ourselves if that is not there, or not root.

    :raises OSError: when it cannot be told whose it is.
    """
    try:
        found = folder.stat()
    except FileNotFoundError:
        found = None
    if os.geteuid() != 0 or found is None or found.st_uid == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(found.st_gid, found.st_gid, 0)
    # The real one, too: signals are judged by it. Only the saved one stays root, as the way back.
    os.setresuid(found.st_uid, found.st_uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)
