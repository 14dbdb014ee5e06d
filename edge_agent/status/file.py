"""``status.json``: what the agent said last, for when it cannot be asked any more.

Nobody decides by it, so it is not flushed to the disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from edge_agent.state_dir import StateDir
from edge_agent.status.board import StatusBoard
from edge_agent.status.report import Status

logger = logging.getLogger(__name__)

WRITE_SECONDS = 0.5
"""How often the file is written at most."""


class StatusFile:
    """Writes the status to the state directory whenever something on the board changes."""

    def __init__(
        self,
        board: StatusBoard,
        status: Callable[[], Status],
        state_dir: StateDir,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._board = board
        self._status = status
        self._path = state_dir.status_file
        self._sleep = sleep
        self._is_stale = False

    async def run(self) -> None:
        """Write for ever."""
        self._board.doing("status", "writing it whenever it changes")
        while True:
            self.write()
            await self._sleep(WRITE_SECONDS)
            await self._board.wait_for_change()

    def write(self) -> None:
        """Write it now, whole or not at all."""
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self._status().model_dump_json(indent=2))
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


def last_words(state_dir: StateDir) -> Status | None:
    """Return what the agent of a state directory said last; None when nothing that can be read is there."""
    try:
        return Status.model_validate_json(state_dir.status_file.read_bytes())
    except (FileNotFoundError, ValidationError):  # none, or that of a version with another form
        return None
