"""The task's line to Airflow: the SDK's own client, with the patience of :mod:`.patience`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import structlog
from airflow.sdk.api.client import API_TIMEOUT, Client, ServerResponseError
from airflow.sdk.configuration import conf
from tenacity import RetryCallState, Retrying, retry_if_exception
from typing_extensions import override

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

HEARTBEAT_SECONDS = conf.getint("workers", "min_heartbeat_interval")

HEARTBEAT_AGAIN_SECONDS = 15.0
"""The pause after a failed heartbeat. Each attempt may block the supervisor for as long as it takes to
notice that nobody answers, and what blocks it blocks the task's log."""

HEARTBEAT_CONNECT_SECONDS = 3.0


class ExecutionClient(Client):
    """The SDK's client. ``told`` says how the attempt stands with Airflow."""

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # One connection is enough for one task; the SDK's supervisor limits its own client the same.
        limits = httpx.Limits(max_keepalive_connections=1, max_connections=10)
        super().__init__(base_url=base_url, token=token, limits=limits)
        self.told = Told()
        self._clock = clock
        self._sleep = sleep
        self._next_heartbeat = 0.0

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
            if not is_worth_repeating(error):
                raise
            # Not raised: the supervisor would write a traceback each time, for as long as it lasts.
            log.warning("A heartbeat failed", error=reason_of(error), again_in_seconds=HEARTBEAT_AGAIN_SECONDS)
            self._next_heartbeat = self._clock() + HEARTBEAT_AGAIN_SECONDS
            return httpx.Response(HTTPStatus.NO_CONTENT)

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
            retry=retry_if_exception(is_worth_repeating),
            stop=is_over,
            wait=PAUSE,
            sleep=self._sleep,
            before_sleep=_note_the_first,
            reraise=True,
        )
        return retrying(self._ask, method, url, **kwargs)

    def _ask(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        # Past the SDK's own request(): its five attempts would be inside each of ours.
        return httpx.Client.request(self, method, url, **kwargs)


def _note_the_first(call: RetryCallState) -> None:
    """Say once per call that there is waiting: hours of it would fill the disk."""
    error = call.outcome.exception() if call.outcome else None
    if call.attempt_number == 1 and isinstance(error, httpx.HTTPError):
        log.warning("The Execution API does not answer; will ask again", call=call.args[:2], error=reason_of(error))
