"""Has something on the disk changed since it was looked at? Answered without reading it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stamp:
    """What a path looked like: nanoseconds, bytes, inode; all 0 where nothing was."""

    path: str
    mtime_ns: int = 0
    size: int = 0
    inode: int = 0

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at a path. One that is not there, or not ours to look at, is a fact too."""
        try:
            seen = path.stat()
        except OSError:
            return cls(str(path))
        return cls(str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino)


def changed(stamps: Iterable[Stamp]) -> str | None:
    """Return the first path that no longer looks as it did, or None."""
    return next((stamp.path for stamp in stamps if Stamp.of(Path(stamp.path)) != stamp), None)
