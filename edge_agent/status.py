"""What the agent is doing now: said by each loop, written to ``status.json``, read by ``edge-agent status``.

The file is for people and probes. Nobody decides by it, so it is not flushed to the disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from edge_agent.protocol import one_line
from edge_agent.state_dir import StateDir

logger = logging.getLogger(__name__)

WRITE_SECONDS = 0.5
"""How often the file is written at most."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class StatusBoard:
    """The board everybody writes on. ``facts`` is asked for the rest whenever the file is written."""

    def __init__(self, facts: Callable[[], dict[str, Any]]) -> None:
        self._facts = facts
        self._loops: dict[str, dict[str, str]] = {}
        self._changed = asyncio.Event()

    def doing(self, loop: str, what: str) -> None:
        """Say what a loop does from now on."""
        if self._loops.get(loop, {}).get("doing") != what:
            self._loops[loop] = {"doing": what, "since": _now()}
            self._changed.set()

    def changed(self) -> None:
        """Say that one of the facts has changed."""
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return when something changed since the last time this returned."""
        await self._changed.wait()
        self._changed.clear()

    def content(self) -> dict[str, Any]:
        """Return everything on the board."""
        return {"written_at": _now(), "pid": os.getpid(), **self._facts(), "loops": self._loops}


class StatusFile:
    """Writes the board to the state directory whenever it changes."""

    def __init__(
        self,
        board: StatusBoard,
        state_dir: StateDir,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._board = board
        self._path = state_dir.status_file
        self._sleep = sleep
        self._is_stale = False

    async def run(self) -> None:
        """Write for ever."""
        while True:
            self.write()
            await self._sleep(WRITE_SECONDS)
            await self._board.wait_for_change()

    def write(self) -> None:
        """Write the board now, whole or not at all."""
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._board.content(), file, indent=2)
            beside.replace(self._path)
        except OSError as error:  # an old status is better than no agent
            if not self._is_stale:
                logger.warning(
                    "The status file %s cannot be written: %s",
                    self._path,
                    error,
                    extra={"event": "status_unwritten"},
                )
            self._is_stale = True
        else:
            self._is_stale = False


def read_status(state_dir: StateDir) -> dict[str, Any] | None:
    """Return what the agent of a state directory last wrote, with ``running``: whether it is there now.

    None when there never was one.
    """
    try:
        status: dict[str, Any] = json.loads(state_dir.status_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {"running": state_dir.holder() is not None, **status}


def in_words(status: dict[str, Any]) -> list[str]:
    """Return a status as lines for people."""
    state = "running" if status["running"] else "NOT RUNNING; this is what it last said"
    lines = [
        f"agent {status['agent']}: {state} (pid {status['pid']}, written {status['written_at']})",
        f"  queue API {status['url']}: {_contact_in_words(status)}",
        f"  queues {', '.join(status['queues'])}; {status['free_slots']} of {status['slots']} slots free",
    ]
    if status["cordoned"]:
        lines.append(f"  CORDONED: {status['cordon_reason'] or 'no reason given'}")
    if conflict := status.get("host_conflict"):
        lines.append(f"  HOST CONFLICT: {conflict}")
    if status["draining"]:
        lines.append("  DRAINING: no new work is taken")
    if not status["disk_fit"]:
        lines.append("  DISK: the state directory takes no new work; free space on it")
    if status.get("spool_full"):
        lines.append("  SPOOL: full; the oldest bytes of logs that could not be delivered are given up")
    if not status["runners_ready"]:
        lines.append("  NOT READY: no job can be started yet; the agent's log says why if it lasts")
    lines += [f"  {loop}: {now['doing']} (since {now['since']})" for loop, now in status["loops"].items()]
    lines += [
        f"  job {each['label']}: {each['stage']}, pid {each['pid']}, "
        f"{each['log_bytes_delivered']} log bytes delivered, "
        f"id {each['job_id']}"
        for each in status["assignments"]
    ]
    return [one_line(line) for line in lines]


def _contact_in_words(status: dict[str, Any]) -> str:
    if not status["answering"]:
        return f"DOES NOT ANSWER (last heard {status['heard_seconds_ago']} s before that was written)"
    return "registered" if status["registered"] else "not registered yet"
