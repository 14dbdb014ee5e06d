"""What the queue API's answers are to a task that are not messages: bytes, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LogBytes:
    """A piece of a command's log, as it is stored.

    ``next_offset``: where to go on. ``is_over``: the command has ended, and nothing comes behind this piece.
    """

    content: bytes
    next_offset: int
    is_over: bool


@dataclass(frozen=True)
class Output:
    """The end of one stream of a command's output, without the other stream's.

    ``total_bytes``: how many that stream has in all. ``is_whole``: nothing of it was lost or cut off on its way.
    """

    content: bytes
    total_bytes: int
    is_whole: bool
