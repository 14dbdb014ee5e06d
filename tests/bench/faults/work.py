"""The work that faults meet: a task that writes a line every half second, to its log and to a ledger on its host.

The ledger is what really happened: who started when, how far each try came, and whether two ran side by side.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DAGS = Path(__file__).parent / "dags"
TASK_ID = "work"
LINE_SECONDS = 0.5


@dataclass(frozen=True)
class Load:
    """What runs when a fault strikes. ``what``: in words, where one fault meets several."""

    seconds: float
    what: str = ""
    kind: str = "shell"


def write_dags(folder: Path, queues: Sequence[str], *, executor: str) -> set[str]:
    """Write the Dags of these queues, and return their ids."""
    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    place = {"executor": executor, "queues": queues}
    (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")
    return {f"{kind}_{queue}" for kind in ("shell", "python") for queue in queues}


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. ``event``: ``start``, ``line`` or ``end``. ``at``: seconds since the epoch."""

    event: str
    try_number: int
    pid: int
    at: float


def read_ledger(file: Path) -> list[Entry]:
    """Return what was written, in the order of time. A line that is only half there yet is left out."""
    if not file.exists():
        return []
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
    found = (json.loads(line) for line in whole.splitlines())
    entries = [Entry(each["event"], each["try"], each["pid"], each["at"]) for each in found]
    return sorted(entries, key=lambda entry: entry.at)
