"""Both streams of commands as an XCom holds them: whole where they are short, else the end of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from airflow_plugin.commands.answers import Output
from airflow_plugin.commands.output import text
from edge_agent.protocol.commands import OUTPUT_BYTES
from edge_agent.protocol.streams import Stream


class Reader(Protocol):
    """Whoever can read the end of a command's stream: the hook."""

    def output(self, job_id: UUID, stream: Stream = ..., limit: int = ...) -> Output:
        """Return the last ``limit`` bytes of one stream."""


class Streams(NamedTuple):
    """What a command wrote."""

    out: str
    err: str


NOTHING = Streams("", "")
_BOTH = (Stream.STDOUT, Stream.STDERR)
_WITHIN_A_CHARACTER = range(0x80, 0xC0)
"""Bytes that UTF-8 begins no character with; at most three of them in a row."""


@dataclass(frozen=True)
class _End:
    """The end of one stream as a text in UTF-8; ``total_bytes``: how long the stream is."""

    shown: bytes
    total_bytes: int
    is_whole: bool

    def cut_to(self, limit: int) -> _End:
        """Return the last ``limit`` bytes of it, without a part of a character."""
        if len(self.shown) <= limit:
            return self
        shown = self.shown[len(self.shown) - limit :].decode("utf-8", "ignore").encode()
        return _End(shown, self.total_bytes, is_whole=False)

    def __str__(self) -> str:
        shown = self.shown.decode()
        if self.is_whole:
            return shown
        return f"[the end of {self.total_bytes} bytes; more of it is in the task's log]\n{shown}"


def kept(reader: Reader, job_ids: Sequence[UUID], limit: int) -> list[Streams]:
    """Return what these commands wrote, all of it together in about ``limit`` bytes.

    What needs less than its share leaves the rest to the others. What is cut says so in a first line.
    """
    ends: list[_End] = []
    for job_id in job_ids:
        ends += [_end(reader.output(job_id, stream, min(limit, OUTPUT_BYTES))) for stream in _BOTH]
        # At once, and not at the end: a thousand outputs must not be held whole.
        given = shares([len(end.shown) for end in ends], limit)
        ends = [end.cut_to(share) for end, share in zip(ends, given, strict=True)]
    texts = [str(end) for end in ends]
    return [Streams(*pair) for pair in zip(texts[::2], texts[1::2], strict=True)]


def shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Return how much of ``limit`` each gets, in their order: nobody more than it needs, and else all the same."""
    given = [0] * len(sizes)
    left = limit
    smallest_first = sorted(range(len(sizes)), key=sizes.__getitem__)
    for place, index in enumerate(smallest_first):
        given[index] = min(sizes[index], left // (len(sizes) - place))
        left -= given[index]
    return given


def _end(output: Output) -> _End:
    content = output.content
    is_all = output.total_bytes <= len(content)
    if not is_all:
        # A character that the cut went through would be shown as bytes that nobody wrote.
        begin = next((at for at, byte in enumerate(content[:4]) if byte not in _WITHIN_A_CHARACTER), 0)
        content = content[begin:]
    return _End(text(content).encode(), output.total_bytes, is_whole=is_all and output.is_whole)
