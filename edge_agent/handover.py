"""Taking a state directory over from the agent that uses it, whose running work goes on under the next one.

What if it dies here? The asked agent leaves by itself, or goes on; the one that asks holds nothing yet. What
runs belongs to neither: whichever agent starts next adopts it.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable

from edge_agent.errors import StateDirHeld
from edge_agent.state_dir import StateDir

logger = logging.getLogger(__name__)

SIGNAL = signal.SIGUSR1
"""Tells an agent to leave at once. One that does not know it ends by it: what it runs is adopted all the same."""

PATIENCE_SECONDS = 30.0
"""How long an agent may take to leave: it says goodbye to a server that may be away (10 s), and no more. Three
heartbeats, 30 s by default, after its last beat the server gives up what it ran."""

LOOK_AGAIN_SECONDS = 0.05


def take_over(
    state_dir: StateDir,
    *,
    patience_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask the agent that uses the directory to leave, and return when nobody uses it.

    :raises StateDirHeld: when it does not leave in time, or belongs to another user.
    """
    begun = clock()
    asked = 0
    while (holder := state_dir.holder()) is not None:
        pid = int(holder["pid"])
        if pid not in (0, asked):  # 0: it has locked and not yet written who it is
            logger.info("Asking agent %r (pid %d) to leave.", holder["name"], pid, extra={"event": "handover"})
            _ask(pid, state_dir)
            asked = pid
        if clock() - begun > patience_seconds:
            msg = (
                f"Agent {holder['name']!r} (pid {pid}) was asked to leave the state directory {state_dir.path} and "
                f"did not within {patience_seconds:g} s; it goes on. Look at its log, or end it by hand: what "
                "it runs lives on."
            )
            raise StateDirHeld(msg)
        sleep(LOOK_AGAIN_SECONDS)


def _ask(pid: int, state_dir: StateDir) -> None:
    try:
        # The pid is the holder's, who held the lock a moment ago: a pid is not given again that soon.
        os.kill(pid, SIGNAL)
    except ProcessLookupError:
        return  # It has just left by itself.
    except PermissionError as error:
        msg = (
            f"The agent that uses the state directory {state_dir.path} (pid {pid}) belongs to another user; "
            "run this as that user."
        )
        raise StateDirHeld(msg) from error
