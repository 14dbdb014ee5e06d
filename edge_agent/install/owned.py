"""The steps for what has an owner and a mode: directories and files.

What if it dies here? A file is written beside and renamed over, with its owner and mode already.
"""

from __future__ import annotations

import difflib
import os
import stat
from abc import ABC
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from typing_extensions import override

from edge_agent.install.host import Host
from edge_agent.install.steps import Step, beside

HIDDEN = "(a secret, which is not shown)"


@dataclass(frozen=True)
class Owned(Step, ABC):
    """What has an owner and a mode. ``group_of``: the user whose group may do what the mode lets it; None: owner's."""

    path: Path
    mode: int
    owner: str = "root"
    group_of: str | None = None

    @property
    @override
    def makes(self) -> Path | None:
        return self.path

    def _who(self, host: Host) -> str:
        return f"{self.mode:04o} {self.owner}:{host.group_of(self.group_of or self.owner)}"

    def _ids(self, host: Host) -> tuple[int, int] | None:
        owner, group = host.ids(self.owner), host.ids(self.group_of or self.owner)
        return (owner[0], group[1]) if owner and group else None

    def _differs(self, host: Host) -> list[str]:
        """Say how mode and owner of what is there are to change."""
        found = host.place(self.path).lstat()
        ids = self._ids(host) or (found.st_uid, found.st_gid)
        if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (self.mode, *ids):
            return []
        return [f"from {stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid} to {self._who(host)}"]

    def _hand_over(self, handle: int, host: Host) -> None:
        if ids := self._ids(host):
            os.fchown(handle, *ids)
        os.fchmod(handle, self.mode)


@dataclass(frozen=True)
class MakeFolder(Owned):
    """A directory. What is in it is not touched."""

    @property
    @override
    def title(self) -> str:
        return f"directory {self.path}"

    @override
    def shown(self, host: Host) -> Sequence[str]:
        return [self._who(host)]

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        return (self._differs(host) or None) if host.place(self.path).is_dir() else [self._who(host)]

    @override
    def do(self, host: Host) -> Sequence[str]:
        place = host.place(self.path)
        _make_way(place)
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._hand_over(handle, host)
        finally:
            os.close(handle)
        return ()


@dataclass(frozen=True)
class WriteFile(Owned):
    """A file. ``once``: what is in one that is there already is its owner's business.

    ``content``: None for one that must be there, of which only mode and owner are seen to.
    """

    content: str | SecretStr | None = ""
    once: bool = False

    @property
    @override
    def title(self) -> str:
        return f"file {self.path}"

    @override
    def shown(self, host: Host) -> Sequence[str]:
        if isinstance(self.content, SecretStr):
            return [self._who(host), f"| {HIDDEN}"]
        return [self._who(host), *(f"| {line}" for line in (self.content or "").splitlines())]

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        place = host.place(self.path)
        if not place.is_file():
            return [self._who(host)]
        return [*self._diff(place), *self._differs(host)] or None

    @override
    def do(self, host: Host) -> Sequence[str]:
        place = host.place(self.path)
        content = place.read_bytes() if self._is_kept(place) else self._text.encode()
        _make_way(place)
        new = beside(place)
        new.unlink(missing_ok=True)  # of a run that died
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                self._hand_over(handle, host)
                file.flush()
                os.fsync(handle)
            new.replace(place)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        return ()

    @property
    def _text(self) -> str:
        return self.content.get_secret_value() if isinstance(self.content, SecretStr) else self.content or ""

    def _is_kept(self, place: Path) -> bool:
        return (self.once or self.content is None) and place.is_file()

    def _diff(self, place: Path) -> list[str]:
        if self._is_kept(place) or place.read_bytes() == self._text.encode():
            return []
        if isinstance(self.content, SecretStr):
            return [f"changed {HIDDEN}"]
        old, new = place.read_text(encoding="utf-8", errors="replace").splitlines(), self._text.splitlines()
        lines = difflib.unified_diff(old, new, lineterm="", n=1)
        return [line for line in lines if not line.startswith(("---", "+++"))]


def _make_way(place: Path) -> None:
    """Make what is missing of the way to a place, for everybody to pass whatever root's umask is."""
    umask = os.umask(0o022)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(umask)
