"""What is in a directory, to compare it with what was there before."""

from __future__ import annotations

import stat
from pathlib import Path

BACKUPS = ("etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-")
"""What useradd and userdel leave beside the lists of users, as they always do."""


def tree(root: Path) -> dict[str, tuple[str, str]]:
    """Return paths below a directory with mode and content of each, backups of the lists of users left out."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        mode = stat.filemode(path.lstat().st_mode)
        content = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""
        found[name] = (mode, content)
    return {name: facts for name, facts in found.items() if name not in BACKUPS}
