"""The release before this one, as it was published: what an upgrade begins with.

Its wheel and one of each of its messages lie in ``tests/integration/upgrade/released``. They are put there when a
release is made, and those of the release before it go.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.installed import ROOT

RELEASED = ROOT / "tests" / "integration" / "upgrade" / "released"


@dataclass(frozen=True)
class Release:
    """One that was published."""

    wheel: Path

    @property
    def version(self) -> str:
        """Its version, as its file name says it."""
        return self.wheel.name.split("-")[1]

    @property
    def messages(self) -> Path:
        """One of each of its messages, by name, with every field set."""
        return RELEASED / f"messages-{self.version}.json"

    def unpacked(self, folder: Path) -> Mapping[str, str]:
        """Unpack it; return the environment variables with which the Python of this environment runs it, not ours.

        What is on ``PYTHONPATH`` comes before what is installed, its metadata and entry points as well.
        """
        with zipfile.ZipFile(self.wheel) as archive:
            archive.extractall(folder)
        return {"PYTHONPATH": os.fspath(folder)}


def previous() -> Release:
    """Return the release before this one."""
    (wheel,) = RELEASED.glob("*.whl")
    return Release(wheel)
