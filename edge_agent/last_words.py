"""What the log of a task is told when its supervisor died: one line, for the author of the Dag."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

TAIL_BYTES = 4096
"""How much of what the dead process said is shown."""


def append(log: Path, event: str, *, level: str) -> None:
    """Append one line in the form of Airflow's own log.

    :raises OSError: when the log cannot be written.
    """
    with log.open("ab") as file:
        file.write(line(event, level=level).encode())


def add_to(log: Path, message: str, *, output: Path) -> None:
    """Append one line in the form of Airflow's own log, with the end of what the process said.

    :raises OSError: when the log cannot be written.
    """
    said = tail(output)
    event = f"{message}\nThe last of its output:\n{said}" if said else message
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        # The supervisor may have died in the middle of a line.
        file.write(b"\n" * bool(file.tell()) + line(event, level="error").encode())


def line(event: str, *, level: str) -> str:
    """Return a line, in ASCII, as Airflow's own log has them."""
    now = datetime.now(UTC).isoformat()
    return json.dumps({"timestamp": now, "level": level, "event": event, "logger": "edge_agent"}) + "\n"


def tail(output: Path) -> str:
    """Return the end of what a process said; empty when it said nothing."""
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
