"""When the queue API was last heard, and the log lines when it goes away and comes back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from edge_agent.diagnosis import explain
from edge_agent.errors import QueueApiError
from edge_agent.status.board import now
from edge_agent.status.report import Failure

logger = logging.getLogger(__name__)

REMIND_SECONDS = 60.0
"""How often a log line repeats that the queue API is still away. All loops share it."""


class Contact:
    """What all callers together know of the queue API: one line when it goes, one when it comes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: float | None = None
        self._away: float | None = None
        self._reminded = 0.0
        self.heard_at: datetime | None = None
        """When it last answered, for people."""
        self.last_failure: Failure | None = None
        """What went wrong last, for people."""

    @property
    def away(self) -> bool:
        """Whether the last call failed."""
        return self._away is not None

    def seconds_since_heard(self) -> float | None:
        """How long ago an answer of the queue API came; None before the first."""
        return None if self._heard is None else self._clock() - self._heard

    def heard(self) -> None:
        """Note that the queue API answered, be it with a refusal."""
        self._heard, self.heard_at = self._clock(), now()
        if self._away is not None:
            away_seconds, self._away = self._heard - self._away, None
            logger.info("The queue API answers again after %.0f s.", away_seconds, extra={"event": "contact_regained"})

    def refused(self, verb: str, error: QueueApiError) -> None:
        """Note that the queue API answered with a refusal."""
        self.last_failure = Failure(at=now(), verb=verb, why=str(error))
        self.heard()

    def missed(self, verb: str, error: QueueApiError) -> None:
        """Note that a call found no queue API that can answer."""
        at, why = self._clock(), explain(error)
        self.last_failure = Failure(at=now(), verb=verb, why=why)
        if self._away is None:
            self._away = self._reminded = at
            logger.warning(
                "The queue API does not answer (%s): %s. What runs goes on, nothing new starts, logs and "
                "results wait on the disk.",
                verb,
                why,
                extra={"event": "contact_lost"},
            )
        elif at - self._reminded >= REMIND_SECONDS:
            self._reminded = at
            logger.warning(
                "The queue API is still away after %.0f s (%s): %s.",
                at - self._away,
                verb,
                why,
                extra={"event": "contact_still_lost"},
            )
