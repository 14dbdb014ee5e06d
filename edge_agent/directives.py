"""Does what the server wants: cordon, drain, cancel, drop, other slots. Each answer is the whole truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge_agent.drain import Drain
from edge_agent.holdings import Holdings
from edge_agent.protocol import Directives

logger = logging.getLogger(__name__)


class Obedience:
    """Applies directives as they come, and says what changed. Told the same again, it does nothing.

    ``slots``: how many the agent was configured with. ``changed`` is called when something else is wanted than before.
    """

    def __init__(self, holdings: Holdings, drain: Drain, *, slots: int, changed: Callable[[], None]) -> None:
        self._holdings = holdings
        self._slots = slots
        self._drain = drain
        self._changed = changed
        self.current = Directives()

    def apply(self, directives: Directives) -> list[asyncio.Task[None]]:
        """Do what is wanted; return the tasks that end what was taken from this agent."""
        before, self.current = self.current, directives
        if directives != before:
            self._changed()
        _tell_cordon(before, directives)
        self._set_slots(directives.slots or self._slots)
        if directives.queues != before.queues:
            queues = ", ".join(directives.queues) if directives.queues else "those it is configured with"
            logger.info("An admin lets this agent serve: %s.", queues, extra={"event": "queues_changed"})
        self._drain.ordered(wanted=directives.drain, seconds_left=directives.drain_seconds_left)
        self._holdings.end(directives.cancel)
        return self._holdings.drop(directives.drop)

    def _set_slots(self, slots: int) -> None:
        if slots != self._holdings.slots:
            logger.info(
                "This agent has %d slots now, %d before.",
                slots,
                self._holdings.slots,
                extra={"event": "slots_changed"},
            )
            self._holdings.slots = slots
            self._holdings.changed()


def _tell_cordon(before: Directives, now: Directives) -> None:
    if now.cordoned and not before.cordoned:
        reason = f": {now.cordon_reason}" if now.cordon_reason else ""
        logger.info("Cordoned%s. What runs goes on, nothing new is offered.", reason, extra={"event": "cordoned"})
    elif before.cordoned and not now.cordoned:
        logger.info("The cordon is lifted.", extra={"event": "uncordoned"})
