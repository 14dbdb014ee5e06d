"""Which TCP connections a set of processes holds, as /proc tells."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = "01"


def held_to(port: int, pids: Iterable[int]) -> int:
    """Return how many established IPv4 connections to that port of any machine these processes hold."""
    wanted = _inodes_of(Path("/proc/net/tcp").read_text(encoding="ascii"), port)
    return len(wanted & {inode for pid in pids for inode in _sockets_of(pid)})


def _inodes_of(table: str, port: int) -> set[str]:
    rows = (line.split() for line in table.splitlines()[1:])
    return {row[9] for row in rows if row[3] == _ESTABLISHED and int(row[2].rpartition(":")[2], 16) == port}


def _sockets_of(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it may have ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found
