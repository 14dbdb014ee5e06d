"""The lines of a log, out of its bytes in whatever pieces they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from edge_agent.protocol.streams import ESCAPE, Streams, Unweaver

LONGEST_LINE = 65_536
"""Bytes after which a line is cut in two: a program that never ends its line must not fill anybody's memory."""

_NEWLINE = b"\n"


class LogLines:
    r"""Makes whole lines of the bytes of a log, from an offset that is the begin of one.

    Bytes that are no UTF-8 are shown as ``\xNN``, and a character on the edge of two pieces as itself. ``position``:
    the offset of the next byte to feed. ``offset``: up to where lines were handed out.
    """

    def __init__(self, offset: int, streams: Streams = Streams.TOGETHER) -> None:
        self.position = offset
        self._streams = streams
        self._rest = b""
        self._said: deque[tuple[float, int]] = deque()
        self._settled = offset

    @property
    def offset(self) -> int:
        """Up to where lines were handed out."""
        return self.position - len(self._rest)

    def feed(self, content: bytes, next_offset: int) -> Iterator[str]:
        """Return the lines that are whole with a piece of the log. ``next_offset``: what follows it.

        All of them are to be taken.
        """
        held, start = self._rest + content, 0
        self.position = next_offset
        while (end := _end_of_line(held, start)) is not None:
            yield self._text(held[start:end])
            start = end
        self._rest = held[start:]

    def finish(self) -> Iterator[str]:
        """Return what is left when the log is over: a last line that nobody ended."""
        if self._rest:
            line, self._rest = self._rest, b""
            yield self._text(line)

    def note(self, now: float) -> None:
        """Note that the lines up to :attr:`offset` were handed on now."""
        last = self._said[-1][1] if self._said else self._settled
        if self.offset > last:
            self._said.append((now, self.offset))

    def settled(self, before: float) -> int:
        """Return up to where lines were handed on by then."""
        while self._said and self._said[0][0] <= before:
            self._settled = self._said.popleft()[1]
        return self._settled

    @property
    def unsettled_since(self) -> float | None:
        """Since when the first line waits that is not settled; None when all are."""
        return self._said[0][0] if self._said else None

    @property
    def last_said(self) -> float | None:
        """When the last line was handed on that is not settled; None when all are."""
        return self._said[-1][0] if self._said else None

    def _text(self, line: bytes) -> str:
        plain = Unweaver().plain(line) if self._streams is Streams.APART else line
        return plain.rstrip(b"\r\n").decode("utf-8", "backslashreplace")


def _end_of_line(content: bytes, start: int) -> int | None:
    """Return where the line that begins at ``start`` ends, if it does."""
    found = content.find(_NEWLINE, start, start + LONGEST_LINE)
    if found >= 0:
        return found + 1
    is_long = len(content) - start >= LONGEST_LINE
    return start + _cut(content[start : start + LONGEST_LINE]) if is_long else None


def _cut(content: bytes) -> int:
    """Return where bytes can be cut: not within a character, not behind the mark that the next byte means itself."""
    for back in range(1, 4):
        lead = content[-back]
        if lead < 0x80:  # noqa: PLR2004  ASCII
            break
        if lead >= 0xC0:  # noqa: PLR2004  begins a character
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4  # noqa: PLR2004  as UTF-8 has it
            return len(content) - back if length > back else len(content)
    return len(content) - 1 if content[-1:] == ESCAPE else len(content)
