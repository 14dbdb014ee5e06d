"""Text from the other side, made fit to stand in a line: of a log, of a table, on a terminal.

Whoever holds one end may be a thief. A line break would begin a log line that nobody wrote, and an escape
sequence rename, hide or type what a terminal shows.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, what ends a line for some, and what turns the direction of the text behind it."""

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$")]
"""A text that is one line already: the name of a host, a version."""


def one_line(text: str) -> str:
    """Return a text with everything unprintable written out by its number; a line break becomes a blank."""
    return _UNPRINTABLE.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    character = found[0]
    return " " if character in "\r\n\t" else character.encode("unicode_escape").decode("ascii")
