"""How long a task's supervisor keeps asking an Execution API that does not answer.

The SDK's own client asks five times, which is over after half a minute. Here each kind of call has a
patience of its own:

==============  ============  ============  ========================================================
call            API is away   API fails     why
==============  ============  ============  ========================================================
heartbeat       none          none          its supervisor repeats it anyway, and must not stand
                                            still: it forwards the task's log
``/run``        9 min         9 min         the token it is asked with lives 10 min
final state     24 h          10 min        without it, all the work was for nothing
anything else   24 h          2 min         the same: a task whose question fails has failed. Airflow's own
                                            limit, after which it wants the task no more, is shorter
==============  ============  ============  ========================================================

"Away" is no connection, no answer, or a proxy's word for it. So is, once it has begun, a token that
is no longer accepted and for which a new one is awaited. "Fails" is any other 5xx: a defect, or a
database that is being restarted.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import httpx
from tenacity import wait_exponential, wait_random

AWAY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

PAUSE = wait_exponential(multiplier=0.25, max=4) + wait_random(0, 1)
"""Seconds between two attempts: when the API is back, what waited arrives within seconds, not all at once."""


@dataclass(frozen=True)
class Patience:
    """For how many seconds a call is repeated while the API is away, and while it fails."""

    away: float
    failing: float

    def with_(self, error: BaseException | None) -> float:
        """Return the patience with this error."""
        return self.failing if _is_failing(error) else self.away


RUN = Patience(away=540, failing=540)
FINAL_STATE = Patience(away=24 * 3600, failing=600)
ANYTHING_ELSE = Patience(away=24 * 3600, failing=120)


def is_worth_repeating(error: BaseException) -> bool:
    """Whether the same call may succeed later. By type and status, never by text."""
    return isinstance(error, httpx.TransportError) or _is_failing(error) or _status(error) in AWAY


def reason_of(error: httpx.HTTPError) -> str:
    """Say in one line what went wrong. Neither URL nor body: these may hold what is nobody's business."""
    if not isinstance(error, httpx.HTTPStatusError):
        return f"no answer ({type(error).__name__})"
    detail = getattr(error, "detail", None)
    reason = detail.get("reason") if isinstance(detail, dict) else None
    return f"{error.response.status_code} {reason or error.response.reason_phrase}"


def _is_failing(error: BaseException | None) -> bool:
    status = _status(error)
    return status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in AWAY


def _status(error: BaseException | None) -> int | None:
    return error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
