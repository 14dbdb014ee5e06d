"""How fast a job may write its log: so that one that runs wild fills neither the line nor the database in a minute.

Counted in memory, by each API server process for itself, like all limits here: when it dies, a minute begins anew.
An agent is told to pause before it would be refused, and goes on with its other logs meanwhile.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from airflow_plugin.errors import TooFast

if TYPE_CHECKING:
    from uuid import UUID


class LogQuota:
    """What each assignment has left of its bytes for this minute; the chunk that uses them up is taken whole.

    Counted for the agent that sends them: whoever names another's assignment learns nothing of what that has used.
    """

    def __init__(self, bytes_per_minute: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(bytes_per_minute, namespace="log")

    def check(self, agent: str, assignment_id: UUID) -> None:
        """Let a chunk pass.

        :raises TooFast: when those before it have used up the quota.
        """
        if (seconds := self._seconds_to_wait(agent, assignment_id)) > 0:
            msg = (
                f"This job has written {self._item.amount} bytes of log in a minute, and may write no more "
                f"([edge_agent] log_bytes_per_minute). Go on in {seconds:.0f} s."
            )
            raise TooFast(msg, seconds)

    def spend(self, agent: str, assignment_id: UUID, size: int) -> float:
        """Count a chunk that was taken; return for how many seconds there may be no other."""
        self._limiter.hit(self._item, agent, str(assignment_id), cost=size)
        return self._seconds_to_wait(agent, assignment_id)

    def _seconds_to_wait(self, agent: str, assignment_id: UUID) -> float:
        if self._limiter.test(self._item, agent, str(assignment_id)):
            return 0.0
        resets_at = self._limiter.get_window_stats(self._item, agent, str(assignment_id)).reset_time
        return max(0.0, resets_at - time.time())
