"""The task's line to Airflow: the SDK's own client, with the patience of :mod:`.patience`, and with new tokens.

Airflow renews a task's token with its answers, in the last fifth of its life. An outage that covers this part
ends in a token that is not accepted any more (401, 403). Then the client asks its agent for a new one
(:mod:`edge_agent.fresh_token`), and Airflow again with that. What is refused even so is refused.

==============  ==================================================================================
call            without a token that is accepted
==============  ==================================================================================
``/run``        refused: there is nothing to renew before Airflow has answered it
heartbeat       counts as failed, and does not wait; a later one is sent with the new token
anything else   waits for the new token, as long as it would wait for an API that is away
==============  ==================================================================================
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import structlog
from airflow.sdk.api.client import API_TIMEOUT, BearerAuth, Client, ServerResponseError
from airflow.sdk.configuration import conf
from tenacity import RetryCallState, Retrying, retry_if_exception
from typing_extensions import override

from edge_agent.fresh_token import FreshToken, Refusal
from edge_agent.protocol.routes import REFUSED_HEADER
from edge_agent.task_host.environment import PROXY
from edge_agent.task_host.outcome import Told
from edge_agent.task_host.patience import (
    ANYTHING_ELSE,
    FINAL_STATE,
    PAUSE,
    RUN,
    Patience,
    is_worth_repeating,
    reason_of,
)

log = structlog.get_logger(logger_name="edge_agent.task_host")

NOT_WANTED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})
"""Airflow's answers to a heartbeat on which the supervisor ends its task."""

NOT_LET_IN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""Airflow's answers to a token that has expired; and to what a task may not do at all."""

HEARTBEAT_SECONDS: float = conf.getint("workers", "min_heartbeat_interval")

HEARTBEAT_AGAIN_SECONDS = 15.0
"""The pause after a failed heartbeat. Each attempt may block the supervisor for as long as it takes to
notice that nobody answers, and what blocks it blocks the task's log."""

HEARTBEAT_CONNECT_SECONDS = 3.0

# Taken out: it may hold a login, and a task's own processes have no use for it.
_PROXY = os.environ.pop(PROXY, None)
_WAY: dict[str, Any] = {"proxy": _PROXY, "trust_env": False} if _PROXY else {}
"""The agent's own proxy. Without one, the environment's holds, as for anything else on the host."""


class ExecutionClient(Client):
    """The SDK's client. ``told`` says how the attempt stands with Airflow.

    ``fresh``: where to ask for a new token; None: nowhere.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        fresh: FreshToken | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # One connection is enough for one task; the SDK's supervisor limits its own client the same.
        limits = httpx.Limits(max_keepalive_connections=1, max_connections=10)
        super().__init__(base_url=base_url, token=token, limits=limits, **_WAY)
        self.told = Told()
        self._fresh = fresh
        self._clock = clock
        self._sleep = sleep
        self._next_heartbeat = 0.0
        self._has_begun = False
        self._expired: httpx.HTTPStatusError | None = None
        """How Airflow refused the present token, as long as a new one is awaited."""

    @override
    def request(  # type: ignore[override]  # theirs is wrapped by tenacity, and looks different
        self, method: str, url: Any, **kwargs: Any
    ) -> httpx.Response:
        """Ask, and ask again as long as this kind of call has patience.

        :raises httpx.HTTPError: the last error, when the patience is over or there is none.
        """
        if kwargs.get("content") is not None and not kwargs.get("headers"):
            kwargs["headers"] = {"content-type": "application/json"}
        kind, _, rest = str(url).partition("/")
        match method, kind, rest.partition("/")[2]:
            case "PUT", "task-instances", "heartbeat":
                return self._heartbeat(method, url, **kwargs)
            case "PATCH", "task-instances", "run":
                return self._start(method, url, **kwargs)
            case "PATCH", "task-instances", "state":
                return self._tell_state(method, url, **kwargs)
        return self._insist(ANYTHING_ELSE, method, url, **kwargs)

    def _start(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        try:
            response = self._insist(RUN, method, url, **kwargs)
        except httpx.HTTPError as error:
            self.told.refusal = f"Airflow did not let it start: {reason_of(error)}."
            raise
        self._has_begun = True
        # It was a heartbeat too. The supervisor sends its first at once, a whole request per task.
        self._next_heartbeat = self._clock() + HEARTBEAT_SECONDS
        return response

    def _heartbeat(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        if self._clock() < self._next_heartbeat:
            return httpx.Response(HTTPStatus.NO_CONTENT)
        kwargs["timeout"] = httpx.Timeout(API_TIMEOUT, connect=HEARTBEAT_CONNECT_SECONDS)
        try:
            return self._ask(method, url, **kwargs)
        except httpx.HTTPError as error:
            if isinstance(error, ServerResponseError) and error.response.status_code in NOT_WANTED:
                self.told.not_wanted = f"Airflow no longer wanted it: {reason_of(error)}."
                raise
            if not self._may_pass(error):
                raise
            self._next_heartbeat = self._clock() + self._pause_after(error)
            return httpx.Response(HTTPStatus.NO_CONTENT)

    def _pause_after(self, error: httpx.HTTPError) -> float:
        """Return for how many seconds no heartbeat is sent after one that failed like this."""
        if error is self._expired:
            return HEARTBEAT_SECONDS  # The new token is there within seconds, and a look for it blocks nobody.
        # Not raised: the supervisor would write a traceback each time, for as long as it lasts.
        log.warning("A heartbeat failed", error=reason_of(error), again_in_seconds=HEARTBEAT_AGAIN_SECONDS)
        return HEARTBEAT_AGAIN_SECONDS

    def _tell_state(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        state = json.loads(kwargs["content"])["state"]
        try:
            response = self._insist(FINAL_STATE, method, url, **kwargs)
        except httpx.HTTPError as error:
            self.told.refusal = f"Airflow did not take its state {state!r}: {reason_of(error)}."
            raise
        self.told.state, self.told.refusal = state, None
        return response

    def _insist(self, patience: Patience, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        began = self._clock()

        def is_over(call: RetryCallState) -> bool:
            error = call.outcome.exception() if call.outcome else None
            return self._clock() - began >= patience.with_(error)

        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=is_over,
            wait=PAUSE,
            sleep=self._sleep,
            before_sleep=_note_the_first,
            reraise=True,
        )
        return retrying(self._ask, method, url, **kwargs)

    def _may_pass(self, error: BaseException) -> bool:
        """Whether the same call may succeed later."""
        return is_worth_repeating(error) or (self._expired is not None and error is self._expired)

    def _ask(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        is_new = self._take_new_token()
        try:
            # Past the SDK's own request(): its five attempts would be inside each of ours.
            return httpx.Client.request(self, method, url, **kwargs)
        except httpx.HTTPStatusError as error:
            if REFUSED_HEADER in error.response.headers:
                log.warning("This host may not have it", reason=_words_of(error))
                raise
            # A new token that is refused at once has not expired: the task may not do this.
            if error.response.status_code in NOT_LET_IN and self._has_begun and not is_new:
                self._want_new_token(error)
            raise

    def _want_new_token(self, error: httpx.HTTPStatusError) -> None:
        if self._fresh is None:
            return
        log.warning("Airflow does not take the task's token; asking for a new one", error=reason_of(error))
        self._expired = error
        self._fresh.forget()
        self._leave_mark(self._fresh)

    def _take_new_token(self) -> bool:
        """Use the new token from now on, if there is one.

        :raises httpx.HTTPStatusError: the refusal of the old one, while no other is there.
        """
        if self._expired is None or self._fresh is None:
            return False
        # Raised again and again, it would grow by a traceback each time.
        expired = self._expired.with_traceback(None)
        match self._fresh.take():
            case None:
                self._leave_mark(self._fresh)
                raise expired
            case Refusal(why):
                log.error("There is no new token for this task", reason=why)
                self._expired = None
                raise expired
            case token:
                log.info("Going on with a new token")
                self._expired = None
                self.auth = BearerAuth(token)
        return True

    @staticmethod
    def _leave_mark(fresh: FreshToken) -> None:
        try:
            fresh.want()
        except OSError as error:  # a full disk: left at the next attempt
            log.warning("Could not ask for a new token", error=error.strerror)


def _words_of(error: httpx.HTTPStatusError) -> str:
    detail = getattr(error, "detail", None)
    return str(detail["message"]) if isinstance(detail, dict) and "message" in detail else reason_of(error)


def _note_the_first(call: RetryCallState) -> None:
    """Say once per call that there is waiting: hours of it would fill the disk."""
    error = call.outcome.exception() if call.outcome else None
    if call.attempt_number == 1 and isinstance(error, httpx.HTTPError):
        log.warning("The Execution API does not answer; will ask again", call=call.args[:2], error=reason_of(error))
