"""The command line of a shell that is to read a text.

Imported by the process of every command: the standard library, and no more of it than is needed.
"""

from __future__ import annotations

import shutil

WORDS = {
    "sh": ("/bin/sh", "-c"),
    "bash": ("bash", "-c"),
    "pwsh": ("pwsh", "-NoProfile", "-NonInteractive", "-Command"),
}
"""By the names that jobs have for them. What begins with no ``/`` is looked for on the ``PATH``."""

DEFAULT = "sh"


def words_for(text: str, shell: str | None, path: str | None) -> list[str]:
    """Return the words that have a text read by a shell. None: the default one, which every host has.

    :raises FileNotFoundError: when that shell is not on ``path``; says what to do.
    """
    program, *options = WORDS[shell or DEFAULT]
    found = shutil.which(program, path=path)
    if found is None:
        msg = (
            f"this host has no {program} on its PATH. Install it, name another shell, "
            f"or require the capability {program!r}."
        )
        raise FileNotFoundError(msg)
    return [found, *options, text]
