"""Files that hold a secret: who may read them beside the agent.

A file of the agent's own user is his alone (mode 0600). One of root's may be readable by its group, too, and by nobody
else (0640 or less): that is how Kubernetes gives a Secret to a pod that is not root (``fsGroup``), and a user cannot
make such a file by mistake. PostgreSQL judges the keys of its clients the same way.
"""

from __future__ import annotations

import os
import stat

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOTS = _OTHERS & ~stat.S_IRGRP


def is_open(found: os.stat_result) -> bool:
    """Whether others than the agent's user and root, or the group that root chose, can do anything with a file."""
    is_given_by_root = found.st_uid == 0 and os.geteuid() != 0
    return bool(found.st_mode & (_ROOTS if is_given_by_root else _OTHERS))
