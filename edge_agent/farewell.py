"""Says goodbye, and what lives on without this agent."""

from __future__ import annotations

import logging

from edge_agent.errors import QueueApiError
from edge_agent.heartbeat import Pulse
from edge_agent.holdings import Holdings
from edge_agent.sessions import Sessions

logger = logging.getLogger(__name__)


async def say(sessions: Sessions, holdings: Holdings, pulse: Pulse) -> None:
    """Tell the server, if it can be told in the short time there is."""
    held = holdings.held()
    try:
        # Its figures nobody could hand on any more, and a server of the release before would refuse it for them.
        await sessions.leave(pulse.next().model_copy(update={"figures": None}) if held else None)
    except QueueApiError as error:
        logger.warning(
            "Could not tell the queue API that this agent leaves: %s",
            error,
            extra={"event": "left_unheard"},
        )
    sentence = "Leaving; %d jobs live on and are adopted by the next start." if held else "Leaving."
    logger.info(sentence, *(len(held),) * bool(held), extra={"event": "left"})
