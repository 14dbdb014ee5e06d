"""What a task is patient with: what is worth asking again, and when. The one place on this side that decides either.

Decided by type and status, never by text. What has answered well before is taken to come back; what never has is
more likely written wrong than away, and whoever wrote it should hear so at once.
"""

from __future__ import annotations

import random
from http import HTTPStatus

from airflow_plugin.commands.errors import (
    CertificateRefused,
    ProblemAnswer,
    QueueApiError,
    UndecodableAnswer,
    Unreachable,
)
from edge_agent.protocol import ProblemReason

FIRST_SECONDS = 0.5
MOST_SECONDS = 15.0
"""Between two tries: 0.5, 1, 2, 4, 8, then 15 s, each shortened by up to half at random."""

RETRY_AFTER_MOST_SECONDS = 60.0
"""A server may ask for patience, not for ever."""

_PASSING = frozenset({ProblemReason.UNAVAILABLE, ProblemReason.INTERNAL})


def is_worth_asking_again(error: BaseException, *, was_heard: bool) -> bool:
    """Whether the same question may get another answer later.

    ``was_heard``: a queue API has answered there before, whatever it said.
    """
    if isinstance(error, CertificateRefused):
        return was_heard
    if isinstance(error, Unreachable):
        return True
    if isinstance(error, UndecodableAnswer):
        # 413 is a proxy's limit on the body. The same body meets the same limit.
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return False
        return was_heard or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or _asks_for_time(error)
    if isinstance(error, ProblemAnswer):
        return error.reason in _PASSING or error.status == HTTPStatus.TOO_MANY_REQUESTS
    return False


def pause_seconds(attempt: int, error: BaseException | None) -> float:
    """Return how long to wait after the ``attempt``-th try, the first being 1, ended in an error."""
    doubled = FIRST_SECONDS * 2.0 ** min(attempt - 1, 30)  # 2 ** 30 is past any cap
    own = random.uniform(0.5, 1.0) * min(doubled, MOST_SECONDS)
    asked = error.retry_after_seconds if isinstance(error, QueueApiError) else None
    if asked is None:
        return own
    # Everybody was told the same number: come after it, but not all at once.
    return max(own, min(asked, RETRY_AFTER_MOST_SECONDS) * random.uniform(1.0, 1.25))


def _asks_for_time(error: QueueApiError) -> bool:
    return error.retry_after_seconds is not None
