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
_STREAMS = {shift[0]: stream for stream, shift in _SHIFTS.items()}
_ESCAPE = 0x10
_SPECIAL = re.compile(rb"[\x0e\x0f\x10]")


class Weaver:
    """Makes one log of two streams."""

    def __init__(self) -> None:
        self._stream = Stream.STDOUT

    def weave(self, stream: Stream, content: bytes) -> bytes:
        """Return what stands in the log for bytes of a stream."""
        if not content:
            return b""
        shift = b"" if stream is self._stream else _SHIFTS[stream]
        self._stream = stream
        return shift + _SPECIAL.sub(b"\x10" + rb"\g<0>", content)


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
            if content[at] != _ESCAPE:
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
