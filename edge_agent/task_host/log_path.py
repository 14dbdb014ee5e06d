"""Where the log of record of a workload is, the same for the child that writes and the agent that reads."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any

from edge_agent.errors import CannotStart

NAME_BYTES = 255
"""The longest file name file systems take. ``task_id=`` before an id of 250 characters is over it."""

FOLDER = "log"
"""Airflow's base log folder, within the attempt directory."""


def log_of(payload: dict[str, Any]) -> str:
    """Return the path of the log of record, relative to the attempt directory.

    A workload without one (a connection test) has what its process says.

    :raises CannotStart: when the payload's path is none, or leads out of the attempt directory.
    """
    relative = relative_log(payload)
    return f"{FOLDER}/{relative}" if relative else "output.log"


def relative_log(payload: dict[str, Any]) -> str | None:
    """Return the same path as Airflow wants it: relative to its base log folder.

    :raises CannotStart: when the payload's path is none, or leads out of that folder.
    """
    workload = payload.get("workload")
    wanted = payload.get("log_path") or (workload.get("log_path") if isinstance(workload, dict) else None)
    if not wanted:
        return None
    if not isinstance(wanted, str) or "\0" in wanted:
        msg = f"The workload's log_path is no path: {wanted!r}."
        raise CannotStart(msg)
    path = PurePosixPath(wanted)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        msg = f"The workload's log_path leads out of the attempt directory: {wanted!r}."
        raise CannotStart(msg)
    return "/".join(_short(part) for part in path.parts)


def _short(name: str) -> str:
    """Cut a name that is too long, and keep it unlike any other that begins the same."""
    encoded = name.encode()
    if len(encoded) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return encoded[: NAME_BYTES - len(digest) - 1].decode(errors="ignore") + "~" + digest
