"""The copy of the agent's own program that commands are started from.

An upgrade in place removes and writes the files of a program one after the other, below an agent that works. It has
loaded what it needs; a command is a new process, and one that starts in that second finds half of each release. So
an agent keeps a copy of the release it is, in its state directory, and starts commands from that. Tasks are forked by
a process that has everything loaded.

What if it dies here? A copy gets its name when it is complete. One that nobody uses goes with a later start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from uuid import uuid4

MAIN = """import sys
from edge_agent.runners.wrapper import main
sys.exit(main(sys.argv[1]))
"""
"""What Python runs when it is given the directory."""

_DIGITS = 16


class Program:
    """The copy below ``place``, of the package ``source``; the one that is imported here unless told otherwise.

    It is a directory that Python can run, named by a digest of its content, so that agents of two releases that take
    turns in one state directory have one each.
    """

    def __init__(self, place: Path, source: Path | None = None) -> None:
        self._place = place
        self._source = source or Path(__file__).parent
        self._copy: Path | None = None

    @property
    def directory(self) -> Path | None:
        """The copy, or None as long as there is none."""
        return self._copy

    def keep(self, *, in_use: bool) -> Path:
        """Make the copy, unless it is there, and return it.

        ``in_use``: processes may still run from the copies of earlier agents, which stay then.

        :raises OSError: when there is no room, or no right to.
        """
        if self._copy is None:
            package = Path(self._source.name)
            files = {package / path: content for path, content in _files(self._source).items()}
            files[Path("__main__.py")] = MAIN.encode()
            copy = self._place / _digest(files)
            if _digest(_files(copy)) != copy.name:  # none, or the power went while it was written
                shutil.rmtree(copy, ignore_errors=True)
                self._write(files, copy)
            if not in_use:
                self._remove_others(copy)
            self._copy = copy
        return self._copy

    def _write(self, files: dict[Path, bytes], copy: Path) -> None:
        unfinished = copy.with_name(f".{uuid4()}")
        try:
            for path in (self._place, unfinished):
                path.mkdir(mode=0o700, exist_ok=True)
            for path, content in sorted(files.items()):
                _write(unfinished / path, content)
            unfinished.rename(copy)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _remove_others(self, copy: Path) -> None:
        for other in self._place.iterdir():
            if other != copy:
                shutil.rmtree(other, ignore_errors=True)  # what cannot be removed now goes later


def _write(file: Path, content: bytes) -> None:
    """Write for the owner alone; also what Python will compile from it."""
    for folder in (file.parent, file.parent / "__pycache__"):
        folder.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}


def _digest(files: dict[Path, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]
