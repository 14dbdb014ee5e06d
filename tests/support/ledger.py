"""A ledger: the file to which tasks append a line when they start and when they end, whoever runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One line: ``start`` or ``end``, of what, on which agent, in which process."""

    event: str
    what: str
    agent: str
    pid: int


def read(file: Path) -> list[Entry]:
    """Return the entries in the order in which they were written; none, while nobody has written."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    fields = (line.split() for line in lines)
    return [Entry(event, what, agent, int(pid)) for event, what, agent, pid in fields]
