"""How the host feels, for people. Nothing is decided by it."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

import psutil

from edge_agent.protocol import HostHealth
from edge_agent.state_dir import StateDir

logger = logging.getLogger(__name__)


def measure(state_dir: StateDir) -> HostHealth:
    """Measure the host. What cannot be measured is left out."""
    memory = psutil.virtual_memory()
    try:
        disk_free_bytes = state_dir.free_bytes()
    except OSError as error:
        logger.warning("Cannot measure free disk space: %s.", error, extra={"event": "health_incomplete"})
        disk_free_bytes = None
    return HostHealth(
        load_1m=round(os.getloadavg()[0], 2),
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
        disk_free_bytes=disk_free_bytes,
        clock=datetime.now(UTC),
    )
