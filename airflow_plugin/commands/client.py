"""The way to one queue API: a client for tasks and one for triggers, over the same description of every request."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import tenacity

from airflow_plugin.commands import calls
from airflow_plugin.commands.calls import Call
from airflow_plugin.commands.errors import (
    CertificateRefused,
    ConnectionUnusable,
    ProblemAnswer,
    UndecodableAnswer,
    Unreachable,
)
from airflow_plugin.commands.patience import is_worth_asking_again, pause_seconds
from airflow_plugin.commands.server_address import is_loopback
from airflow_plugin.commands.site import Site
from airflow_plugin.commands.trust import trust
from edge_agent import __version__
from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, routes

T = TypeVar("T")

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 60.0
"""For a whole exchange in a trigger, beside the time that the server may hold it: an answer that comes in drips
meets every limit of a single read."""

HOLD_MARGIN_SECONDS = 10.0
"""How much longer than the server may hold a request its answer is waited for."""

KEPT_SECONDS = 4.0
"""Idle connections go after that: API servers close theirs after 5 s, and a request that meets that moment fails."""


class _Way:
    """What both clients know of the way to a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.was_heard = False
        """A queue API has answered there."""

    def settings(self) -> dict[str, Any]:
        """Return what an HTTP client is made of.

        :raises ConnectionUnusable: when a certificate cannot be used, or there is no such proxy.
        """
        return {
            "base_url": self.site.url + routes.BASE,
            "headers": {VERSION_HEADER: str(PROTOCOL_VERSION), "User-Agent": f"airflow-edge-agent/{__version__}"},
            "verify": trust(self.site),
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=KEPT_SECONDS),
            # The environment of a host says nothing about the host itself: what is meant for it stays on it.
            "trust_env": not is_loopback(urlsplit(self.site.url).hostname),
        }

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """Return a call as HTTP clients want it."""
        headers = {**call.headers, "Authorization": f"Bearer {self.site.token.get_secret_value()}"}
        if call.message is not None:
            headers["Content-Type"] = "application/json"
        read_seconds = call.held_seconds + HOLD_MARGIN_SECONDS if call.held_seconds else 15.0
        return {
            "method": call.method,
            "url": call.path,
            "headers": headers,
            "content": call.message.model_dump_json() if call.message is not None else None,
            "timeout": httpx.Timeout(15.0, connect=10.0, read=read_seconds, pool=None),
        }

    def read(self, call: Call[T], response: httpx.Response) -> T:
        """Return what an answer says; raise what it refuses."""
        try:
            answer = calls.read(call, response)
        except ProblemAnswer:
            self.was_heard = True
            raise
        self.was_heard = True
        return answer

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what an HTTP client raises into our own errors."""
        try:
            yield
        except TimeoutError as error:
            msg = f"{self.site.url} gave no whole answer in time"
            raise Unreachable(msg) from error
        except httpx.DecodingError as error:
            msg = f"{self.site.url} gave an answer with a broken encoding"
            raise UndecodableAnswer(msg, status=HTTPStatus.OK) from error
        except (httpx.HTTPError, ssl.SSLError) as error:  # an alert behind the handshake comes as the latter
            msg = f"{self.site.url} gave no answer: {str(error) or type(error).__name__}"
            if _is_of_certificates(error):
                msg += (
                    " (the extras 'ca_file', 'ca_pem' and 'client_cert_file' of the connection are about certificates)"
                )
                raise CertificateRefused(msg) from error
            raise Unreachable(msg) from error

    def passes(self, error: BaseException) -> bool:
        """Whether an error is worth asking again."""
        return is_worth_asking_again(error, was_heard=self.was_heard)

    def asking(self, outage_seconds: float | None) -> dict[str, Any]:
        """Return the arguments of tenacity, the same for both kinds."""
        stop = tenacity.stop_never if outage_seconds is None else tenacity.stop_after_delay(outage_seconds)
        return {
            "retry": tenacity.retry_if_exception(self.passes),
            "wait": lambda state: pause_seconds(state.attempt_number, state.outcome and state.outcome.exception()),
            "stop": stop,
            "before_sleep": _say,
            "reraise": True,
        }


class Client(_Way):
    """Speaks to one queue API. To be closed."""

    def __init__(self, site: Site, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(site)
        self._sleep = sleep
        with _proxies():
            self._http = httpx.Client(**self.settings())

    def ask(self, call: Call[T], outage_seconds: float | None) -> T:
        """Return the answer to a call, made again while that may help and at most for so long.

        :raises QueueApiError: the last failure.
        """
        asking = tenacity.Retrying(sleep=self._sleep, **self.asking(outage_seconds))
        answer: T = asking(self.ask_once, call)
        return answer

    def ask_once(self, call: Call[T]) -> T:
        """Return the answer to a call.

        :raises QueueApiError: when there is none, or it refuses.
        """
        with self.failures():
            response = self._http.request(**self.request(call))
        return self.read(call, response)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


class AsyncClient(_Way):
    """The same for an event loop; safe to use by many tasks of it at once."""

    def __init__(self, site: Site, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__(site)
        self._sleep = sleep
        with _proxies():
            self._http = httpx.AsyncClient(**self.settings())

    async def ask(self, call: Call[T], outage_seconds: float | None) -> T:
        """Return the answer to a call, made again while that may help and at most for so long.

        :raises QueueApiError: the last failure.
        """
        asking = tenacity.AsyncRetrying(sleep=self._sleep, **self.asking(outage_seconds))
        return await asking(self.ask_once, call)

    async def ask_once(self, call: Call[T]) -> T:
        """Return the answer to a call.

        :raises QueueApiError: when there is none, or it refuses.
        """
        with self.failures():
            async with asyncio.timeout(DEADLINE_SECONDS + call.held_seconds):
                response = await self._http.request(**self.request(call))
        return self.read(call, response)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()


@contextmanager
def _proxies() -> Iterator[None]:
    try:
        yield
    except (ImportError, ValueError) as error:  # SOCKS, or what the environment names makes no sense
        msg = f"HTTPS_PROXY, or its like in the environment, cannot be used: {error}"
        raise ConnectionUnusable(msg) from None
    except httpx.InvalidURL as error:
        msg = f"The connection's host is no address: {error}"
        raise ConnectionUnusable(msg) from None


def _is_of_certificates(error: BaseException | None) -> bool:
    """Whether a certificate is at the bottom of an error: theirs, that we do not trust, or ours, that they do not."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            return "CERTIFICATE" in error.reason or "UNKNOWN_CA" in error.reason
        error = error.__cause__ or error.__context__
    return False


def _say(state: tenacity.RetryCallState) -> None:
    """Tell whoever reads the task's log, at once and then now and again."""
    number, error = state.attempt_number, state.outcome and state.outcome.exception()
    if number & (number - 1) == 0:  # 1, 2, 4, 8, ...
        log.warning("The queue API does not answer as it should; asking again. %s", error)
