"""Answers ``GET /live``, ``GET /ready`` and what else is put on the table, for probes: read only, and nothing secret.

Whoever asks costs the agent next to nothing: a few kilobytes are read, a few seconds waited, a few callers served
at once. The agent's own work never waits for any of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import h11

from edge_agent.addresses import listening_at
from edge_agent.errors import SettingsError
from edge_agent.settings import variable
from edge_agent.short_calls import ShortCalls
from edge_agent.status.report import Verdict

logger = logging.getLogger(__name__)

MOST_REQUEST_BYTES = 8_192
"""Of a request's first line and headers."""

MOST_IGNORED_BYTES = 65_536
"""What is taken of a body that nobody wants: closed before it was read, a connection loses its answer."""

MOST_CALLERS = 16

CALL_SECONDS = 5.0


class Page(NamedTuple):
    """What is at a path, as of now."""

    content_type: str
    content: bytes
    status: int = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Page | tuple[str, bytes]]]
"""What makes the page at each path. It runs on the agent's event loop: it must be quick, and wait for nothing."""


def verdict_page(what: str, judge: Callable[[], Verdict]) -> Callable[[], Page]:
    """Return what makes the page of a verdict: 200 or 503, and why."""

    def page() -> Page:
        verdict = judge()
        status = HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return _json_page({what: verdict.ok, "reasons": verdict.reasons}, status)

    return page


def listen(address: str) -> socket.socket:
    """Take an address to listen on; ``[::]`` is every address of the host, IPv4's too.

    :raises SettingsError: when it cannot be had, saying why.
    """
    host, port = listening_at(address)
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(place[:2], family=family, backlog=MOST_CALLERS, dualstack_ipv6=both)
    except OSError as error:
        msg = (
            f"{variable('health_address')}: cannot listen on {address}: {error.strerror or error}; choose another "
            "port, or end what uses it"
        )
        raise SettingsError(msg) from error


class Probes:
    """The server of ``pages`` on a socket that listens."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._calls = ShortCalls(self._answer, most=MOST_CALLERS, seconds=CALL_SECONDS)
        self._server: asyncio.Server | None = None

    async def open(self, listener: socket.socket) -> None:
        """Answer from now on, until it is closed."""
        self._server = await asyncio.start_server(self._calls, sock=listener, limit=MOST_REQUEST_BYTES)

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        self._calls.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, the only one of its connection."""
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_REQUEST_BYTES)
        request = None
        try:
            request = await _request(http, reader)
            if request is None:
                return
            page = self._page(request)
        except h11.RemoteProtocolError as error:
            page = _refusal(HTTPStatus(error.error_status_hint))
        is_head = request is not None and request.method == b"HEAD"
        for part in _parts(http, page, is_head=is_head):
            writer.write(part)
        await writer.drain()
        writer.write_eof()
        await _ignore(reader)

    def _page(self, request: h11.Request) -> Page:
        path = request.target.partition(b"?")[0].decode("latin-1")
        make = self._pages.get(path)
        if make is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        if request.method not in (b"GET", b"HEAD"):
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return Page(*make())
        except Exception:  # the outer edge of one request: the agent must not suffer for it
            logger.exception("Could not make the page %s.", path, extra={"event": "probe_failed"})
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR)


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Return what is asked for; None when the caller goes away.

    :raises h11.RemoteProtocolError: when that is no request, or too long.
    """
    while True:
        event = http.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        http.receive_data(await reader.read(MOST_REQUEST_BYTES))


async def _ignore(reader: asyncio.StreamReader) -> None:
    """Read what else comes, up to a bound, until the caller has hung up."""
    ignored = 0
    while ignored < MOST_IGNORED_BYTES and (more := await reader.read(MOST_REQUEST_BYTES)):
        ignored += len(more)


def _parts(http: h11.Connection, page: Page, *, is_head: bool) -> list[bytes]:
    headers = [
        ("Content-Type", page.content_type),
        ("Content-Length", str(len(page.content))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "GET, HEAD"))
    response = h11.Response(status_code=page.status, headers=headers, reason=HTTPStatus(page.status).phrase)
    body = [] if is_head else [h11.Data(data=page.content)]
    return [part for event in (response, *body, h11.EndOfMessage()) if (part := http.send(event))]


def _refusal(status: HTTPStatus) -> Page:
    return _json_page({"error": status.phrase}, status)


def _json_page(content: object, status: HTTPStatus) -> Page:
    return Page("application/json", json.dumps(content).encode() + b"\n", status)
