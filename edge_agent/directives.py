"""Does what the server wants: cordon, drain, cancel, drop, other slots. Each answer is the whole truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge_agent.drain import Drain
from edge_agent.holdings import Holdings
from edge_agent.protocol import Directives, HostConflict

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
        _tell_conflict(before.host_conflict, directives.host_conflict)
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


def conflict_in_words(conflict: HostConflict) -> str:
    """Say who else wants this agent's name, and what to do."""
    where = f" at {conflict.address}" if conflict.address else ""
    times = "once" if conflict.times == 1 else f"{conflict.times} times"
    return (
        f"another host ({conflict.hostname!r}{where}) has asked for this agent's name {times}, last at "
        f"{conflict.latest:%Y-%m-%d %H:%M:%S} UTC, and was refused. If nobody of yours did that, its token was copied: "
        "ask an admin to rotate it"
    )


def _tell_conflict(before: HostConflict | None, now: HostConflict | None) -> None:
    """Say it once for each host that comes."""
    if now is None or (before and (before.hostname, before.address) == (now.hostname, now.address)):
        return
    sentence = conflict_in_words(now)
    logger.warning("%s%s.", sentence[0].upper(), sentence[1:], extra={"event": "host_conflict"})
