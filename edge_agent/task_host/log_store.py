"""The log store that Airflow's configuration on this host names. Airflow writes to it; this sees whether it did.

Handlers are made to be asked once, by a supervisor: some swallow their failures, some empty or delete the file
that they took, some do neither. So a file that is empty or gone was taken; any other is looked for in the store.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airflow.sdk.api.client import Client
from airflow.sdk.execution_time.supervisor import _remote_logging_conn
from airflow.sdk.log import load_remote_log_handler

from edge_agent.attempt_dir import AttemptDir
from edge_agent.task_host.errors import TaskHostError

TAIL = 5
"""How many lines at the end of a log are enough to know it by."""

NO_STORE = (
    "EDGE_AGENT_TASK_LOGS is 'store', but Airflow on this host names no log store: set "
    "AIRFLOW__LOGGING__REMOTE_LOGGING=True and AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER for the agent, and install "
    "the provider of that store."
)
STILL_A_STORE = (
    "EDGE_AGENT_TASK_LOGS is 'off', but the class in AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS would still take logs to a "
    "remote store: remove it from this host's configuration."
)


def check(where: str) -> None:
    """Refuse a configuration with which logs go elsewhere than was said.

    :raises TaskHostError: saying what to do.
    """
    has_store = load_remote_log_handler() is not None
    if where == "store" and not has_store:
        raise TaskHostError(NO_STORE)
    if where == "off" and has_store:
        raise TaskHostError(STILL_A_STORE)


def aim(folder: Path) -> Any:
    """Have the handler, which the zygote has made, take logs from this folder; return it."""
    handler: Any = load_remote_log_handler()
    if hasattr(handler, "base_log_folder"):
        handler.base_log_folder = type(handler.base_log_folder)(folder)
    if hasattr(handler, "delete_local_copy"):  # it would delete what is beside the log, too
        handler.delete_local_copy = False
    return handler


def look(attempt: AttemptDir, relative: str, client: Client) -> None:
    """Put down that the store has the log of an attempt, if it has."""
    try:
        with _remote_logging_conn(client):
            if has(load_remote_log_handler(), attempt.log_folder, relative):
                attempt.stored.touch()
    except Exception:  # noqa: BLE001  handlers raise what they like; a log that is not marked is looked for again
        traceback.print_exc()


def has(handler: Any, folder: Path, relative: str) -> bool:
    """Whether the store has what a log holds, or held."""
    try:
        with (folder / relative).open(encoding="utf-8", errors="replace") as log:
            tail = _tail(log, TAIL)
    except FileNotFoundError:
        return True
    return not tail or any(_ends(stream, tail) for stream in _streams(handler, relative))


def _tail(lines: Iterable[str], count: int) -> list[str]:
    return list(deque((text for line in lines if (text := line.rstrip("\n"))), maxlen=count))


def _streams(handler: Any, relative: str) -> list[Iterable[str]]:
    """Return what the store has of a log, as lines, whichever way of reading its handler offers."""
    try:
        read = getattr(handler, "stream", None) or handler.read
        _, logs = read(relative, None)
    except NotImplementedError:  # a handler that only writes
        return []
    return [log.split("\n") if isinstance(log, str) else log for log in logs or []]


def _ends(stream: Iterable[str], tail: list[str]) -> bool:
    """Whether these lines stand one after the other: others may follow, of another attempt of the same try."""
    seen: deque[str] = deque(maxlen=len(tail))
    for line in stream:
        if text := line.rstrip("\n"):
            seen.append(text)
            if text == tail[-1] and list(seen) == tail:
                return True
    return False
