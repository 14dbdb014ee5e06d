"""What an installation made, noted before it is made, so that whatever was there before is left alone.

What if it dies here? The note comes first. Something noted and never made is not there to be removed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge_agent.errors import CannotInstall
from edge_agent.install.host import Host
from edge_agent.install.layout import Layout


@dataclass(frozen=True)
class Record:
    """``made``: files and directories, in the order they were made in. ``is_finished``: whether all of it was done.

    ``user`` and ``sandbox`` hold until somebody names others.
    """

    made: Sequence[str] = ()
    user: str = ""
    sandbox: str = ""
    state_dir: str = ""
    is_finished: bool = True

    @classmethod
    def read(cls, host: Host, layout: Layout) -> Record | None:
        """Return the record of an installation; None: there is none.

        :raises CannotInstall: when it cannot be read.
        """
        file = host.place(layout.record)
        try:
            return cls(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            msg = f"The record {file} of what was installed cannot be read: {error}"
            raise CannotInstall(msg) from error

    @property
    def text(self) -> str:
        """What stands in the file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def write(self, host: Host, layout: Layout) -> None:
        """Write it, whole or not at all.

        :raises OSError: when the disk does not take it.
        """
        file = host.place(layout.record)
        beside = file.with_name(f".{file.name}.new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(self.text)
            out.flush()
            os.fsync(handle)
        beside.replace(file)

    def with_made(self, paths: Sequence[Path]) -> Record:
        """Return a record that has these, too."""
        new = [str(path) for path in paths if str(path) not in self.made]
        return replace(self, made=[*self.made, *new])
