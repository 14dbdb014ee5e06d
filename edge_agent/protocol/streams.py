"""Standard output and standard error in one log, so that they can be told apart again.

Only where a command asks for it (``streams = apart``): else its log is its bytes as they came. A log begins in
standard output. The three control characters are ASCII's own for this, and terminals show nothing for them:

=======  ======================================================
byte     means
=======  ======================================================
``0e``   shift out: what follows is standard error
``0f``   shift in: what follows is standard output
``10``   data link escape: the next byte means itself
=======  ======================================================

The shift of a stream that goes on is repeated now and then: whoever has not read a log from its beginning
finds his place at the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum


class Streams(StrEnum):
    """What becomes of a command's two streams."""

    TOGETHER = "together"
    """One pipe for both: every byte in the order it was written."""

    APART = "apart"
    """A pipe for each: they can be told apart, and their order is that in which they were seen."""


class Stream(StrEnum):
    """One of the two."""

    STDOUT = "stdout"
    STDERR = "stderr"


_SHIFTS = {Stream.STDERR: b"\x0e", Stream.STDOUT: b"\x0f"}
ON_STDERR = "\x0e"
"""Before a line that somebody adds to a log: it is one of standard error, as is what follows up to the next shift."""

_STREAMS = {shift[0]: stream for stream, shift in _SHIFTS.items()}
ESCAPE = b"\x10"
_SPECIAL = re.compile(rb"[\x0e\x0f\x10]")

REPEAT_BYTES = 65_536
"""How many bytes come behind a shift before it is repeated; those of the last piece not counted."""


class Weaver:
    """Makes one log of two streams."""

    def __init__(self) -> None:
        self._stream = Stream.STDOUT
        self._since_shift = 0

    def weave(self, stream: Stream, content: bytes) -> bytes:
        """Return what stands in the log for bytes of a stream."""
        if not content:
            return b""
        shift = b""
        if stream is not self._stream or self._since_shift >= REPEAT_BYTES:
            self._stream, self._since_shift, shift = stream, 0, _SHIFTS[stream]
        woven = _SPECIAL.sub(ESCAPE + rb"\g<0>", content)
        self._since_shift += len(woven)
        return shift + woven


class Unweaver:
    """Makes two streams of one log again, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._stream = Stream.STDOUT
        self._is_escaped = False

    def unweave(self, content: bytes) -> Iterator[tuple[Stream, bytes]]:
        """Return the bytes of a piece, each with its stream, in their order."""
        start = 0
        if self._is_escaped and content:
            yield self._stream, content[:1]
            self._is_escaped, start = False, 1
        while (special := _SPECIAL.search(content, start)) is not None:
            at = special.start()
            if at > start:
                yield self._stream, content[start:at]
            start = at + 1
            if content[at] != ESCAPE[0]:
                self._stream = _STREAMS[content[at]]
            elif start < len(content):
                yield self._stream, content[start : start + 1]
                start += 1
            else:
                self._is_escaped = True
        if start < len(content):
            yield self._stream, content[start:]

    def plain(self, content: bytes) -> bytes:
        """Return the bytes of a piece as people read it."""
        return b"".join(part for _, part in self.unweave(content))


def shifts_in(content: bytes) -> Iterator[int]:
    """Return where in bytes from the middle of a log there are shifts: what is behind one needs nothing before it.

    One at the very beginning does not count: what stood before could say that it means itself.
    """
    start = len(content) - len(content.lstrip(ESCAPE)) + 1
    while (special := _SPECIAL.search(content, start)) is not None:
        start = special.start() + 1
        if content[special.start()] == ESCAPE[0]:
            start += 1
        else:
            yield special.start()
