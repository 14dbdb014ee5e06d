"""What a request passes before anything of it is read: limits by address and by token, then by size and nesting.

Whoever has shown a token that works is judged by that token alone. An address counts only against those who
have not: a thousand agents behind one address must not pay for one of them with a wrong token, nor for a
stranger. Counted in each API server process by itself, with the library `limits`.

====================================  ==================================================================
what is limited                       what comes of it
====================================  ==================================================================
requests with one token               429 and Retry-After; other tokens do not notice
refused requests from one address     429 for every token from there that has not worked lately
ended sessions from one address       the same, far later: after an outage each agent has several
size, nesting of a body               413, 422; nothing of it is parsed
====================================  ==================================================================
"""

from __future__ import annotations

import hashlib
import math
import time
from http import HTTPStatus
from ipaddress import IPv6Address, ip_network
from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import cookie_parser

from airflow_plugin.api import bodies
from airflow_plugin.api.peers import peer_of
from airflow_plugin.api.problems import answer
from airflow_plugin.queue.allowances import parse_address
from airflow_plugin.queue.secrets import is_whole
from edge_agent.protocol import Problem, ProblemReason
from edge_agent.protocol.routes import COMMANDS, PREFIX

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from airflow_plugin.config import QueueConfig

ENDED_SESSIONS_PER_MINUTE = 30_000
"""A thousand agents that come back after an outage find out with a few requests each."""

MOST_RETRY_AFTER_SECONDS = 10
"""Less than the window: an agent that waited for longer could be lost for it."""

TOKEN_PATHS = (f"{PREFIX}/agents/", f"{PREFIX}/assignments/", f"{PREFIX}{COMMANDS}")
"""Where only tokens of ours let anybody in, and no login of Airflow's."""

PROVEN_SECONDS = 600.0
MOST_PROVEN = 20_000


class Gate:
    """Plain ASGI, as it must see a request before FastAPI reads its body.

    Paths that begin with one of ``open_to_all`` ask for no token and read no body: nothing is learnt from them, or
    whoever shows no token at all would be one whose token works.
    """

    def __init__(self, app: ASGIApp, config: QueueConfig, open_to_all: tuple[str, ...]) -> None:
        self._app = app
        self._config = config
        self._open_to_all = open_to_all
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(config.requests_per_minute)
        self._failed = RateLimitItemPerMinute(config.failed_logins_per_minute, namespace="failed")
        self._ended = RateLimitItemPerMinute(ENDED_SESSIONS_PER_MINUTE, namespace="ended")
        self._proven: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        path: str = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path.startswith(self._open_to_all):
            await self._app(scope, receive, send)
            return
        address = _group(peer_of(scope, self._config.proxies))
        credential = _credential(scope)
        if (item := self._exceeded(address, credential)) is not None:
            await self._refuse(item, address, credential)(scope, receive, send)
            return
        is_new = not self._is_proven(credential)
        body = await bodies.read(scope, receive, self._config) if _shows_something(scope, path) else _nothing
        if isinstance(body, Problem):
            self._learn(scope, status := _STATUS[body.reason], address, credential)
            await answer(status, body)(scope, receive, send)
            return

        async def send_and_learn(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._learn(scope, message["status"], address, credential)
                if is_new and self._is_proven(credential):
                    self._limiter.hit(self._requests, credential)  # was let through before it was known
            await send(message)

        await self._app(scope, body, send_and_learn)

    def _is_proven(self, credential: str) -> bool:
        return self._proven.get(credential, 0.0) > time.monotonic()

    def _exceeded(self, address: str, credential: str) -> RateLimitItem | None:
        if self._is_proven(credential):
            return None if self._limiter.hit(self._requests, credential) else self._requests
        return next((item for item in (self._failed, self._ended) if not self._limiter.test(item, address)), None)

    def _refuse(self, item: RateLimitItem, address: str, credential: str) -> ASGIApp:
        if item is self._requests:
            text = f"More than {item.amount} requests in a minute with one token ([edge_agent] requests_per_minute)."
            resets_at = self._limiter.get_window_stats(item, credential).reset_time
        else:
            text = f"Too many requests from {address} were refused. Tokens that have worked lately are not concerned."
            resets_at = self._limiter.get_window_stats(item, address).reset_time
        seconds = max(1, min(math.ceil(resets_at - time.time()), MOST_RETRY_AFTER_SECONDS))
        problem = Problem(reason=ProblemReason.TOO_MANY_REQUESTS, message=f"{text} Ask again in {seconds} s.")
        return answer(HTTPStatus.TOO_MANY_REQUESTS, problem, {"Retry-After": str(seconds)})

    def _learn(self, scope: Scope, status: int, address: str, credential: str) -> None:
        """Note what an answer says of the token.

        A DELETE that succeeds says nothing: to leave a session that has ended, or never was, is a success.
        """
        if status == HTTPStatus.UNAUTHORIZED:
            if not scope.get("edge_agent.unproven"):  # else it says nothing about whose token it is
                self._proven.pop(credential, None)
            self._limiter.hit(self._failed, address)
        elif status == HTTPStatus.CONFLICT and scope.get("edge_agent.session_ended"):
            self._proven.pop(credential, None)
            self._limiter.hit(self._ended, address)
        elif status < HTTPStatus.MULTIPLE_CHOICES and scope["method"] != "DELETE":
            self._prove(credential)
            if token := scope.get("edge_agent.handed_out"):
                self._prove(_digest(token))
        elif status < HTTPStatus.INTERNAL_SERVER_ERROR and credential not in self._proven:
            self._limiter.hit(self._ended if status < HTTPStatus.MULTIPLE_CHOICES else self._failed, address)

    def _prove(self, credential: str) -> None:
        """Judge a token by itself from now on."""
        now = time.monotonic()
        if credential not in self._proven and len(self._proven) >= MOST_PROVEN:
            self._proven = {known: until for known, until in self._proven.items() if until > now}
            while len(self._proven) >= MOST_PROVEN:
                del self._proven[next(iter(self._proven))]
        self._proven[credential] = now + PROVEN_SECONDS


_STATUS = {
    ProblemReason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ProblemReason.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def _shows_something(scope: Scope, path: str) -> bool:
    """Whether there is anything to look up. If not, nothing of the body is read: the answer is known."""
    header = bodies.header(scope, b"authorization").decode("latin-1")
    if path.startswith(TOKEN_PATHS):
        return is_whole(header.partition(" ")[2].strip())
    return bool(header or bodies.header(scope, b"cookie"))


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _credential(scope: Scope) -> str:
    """Return a digest of the token that a request shows: the whole of it, as its public part can be anybody's claim.

    Of the token alone, as whoever authenticates it reads it: with anything else in it, such as a second header or
    another cookie, everybody could make as many of one token as he likes, and each would have a limit of its own.
    """
    scheme, _, token = bodies.header(scope, b"authorization").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        token = cookie_parser(bodies.header(scope, b"cookie").decode("latin-1")).get(COOKIE_NAME_JWT_TOKEN, "")
    return _digest(token.strip())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _group(address: str | None) -> str:
    """Return what is counted for an address: a whole /64 of IPv6, of which one host may have any part."""
    parsed = parse_address(address) if address else None
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
