"""Taking a state directory over from the agent that uses it, whose running work goes on under the next one.

What if it dies here? The asked agent leaves by itself, or goes on; the one that asks holds nothing yet. What
runs belongs to neither: whichever agent starts next adopts it.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable

from edge_agent.attempt_dir import Identity
from edge_agent.errors import StateDirHeld
from edge_agent.processes import send
from edge_agent.state_dir import Holder, StateDir

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
    :raises StateDirError: when it cannot be told who uses it.
    """
    begun = clock()
    asked: Identity | None = None
    while (holder := state_dir.holder()) is not None:
        if holder.identity not in (None, asked):  # None: it has locked and not yet written who it is
            asked = holder.identity
            _ask(holder, state_dir)
        if clock() - begun > patience_seconds:
            msg = (
                f"The {holder} was asked to leave the state directory {state_dir.path} and did not within "
                f"{patience_seconds:g} s; it goes on. Look at its log, or end it by hand: what it runs lives on."
            )
            raise StateDirHeld(msg)
        sleep(LOOK_AGAIN_SECONDS)


def _ask(holder: Holder, state_dir: StateDir) -> None:
    """Ask the process that wrote the lock, and no other: one that has just left by itself is not there to hear."""
    assert holder.identity is not None  # noqa: S101  the caller has just looked
    logger.info("Asking %s to leave.", holder, extra={"event": "handover"})
    try:
        send(holder.identity, SIGNAL)
    except PermissionError as error:
        msg = f"The {holder} that uses the state directory {state_dir.path} is another user's; run this as that user."
        raise StateDirHeld(msg) from error
