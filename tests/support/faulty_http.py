"""An HTTP server that fails on order: a real socket, real requests, and the faults networks have."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, Problem, ProblemReason, routes

_VERBS = {
    "session": "register",
    "check": "check",
    "heartbeat": "heartbeat",
    "poll": "poll",
    "confirm": "confirm",
    "renew": "renew",
    "report": "report",
    "logs": "logs",
    "health": "health",
}
BEFORE = frozenset({"lost", "html", "status"})
AFTER = frozenset({"drop", "half", "delay"})
"""Kinds of fault: before the server does anything, and after it has committed."""

_HTML = {"Content-Type": "text/html"}


@dataclass
class Fault:
    """Something to go wrong with the next calls of a verb. ``times`` None: until it is taken away.

    ========= ===================================================================================
    kind      what happens
    ========= ===================================================================================
    drop      the server commits, and closes without an answer
    half      the server commits, and closes in the middle of the answer
    delay     the server commits, and answers when ``release`` is set
    lost      closed before anything was done
    html      a proxy's page with 200; nothing was done
    status    ``status`` with ``body`` and ``headers``; nothing was done
    ========= ===================================================================================
    """

    verb: str
    kind: str
    times: int | None = 1
    status: int = 503
    body: bytes = b"<html>Service Unavailable</html>"
    headers: dict[str, str] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)
    met: int = 0


@dataclass(frozen=True)
class Call:
    """One request as it arrived. ``at``: seconds of the monotonic clock."""

    verb: str
    path: str
    body: bytes
    token: str
    at: float


class Served(Protocol):
    """What stands behind the server."""

    calls: list[Call]

    def take_fault(self, verb: str, kinds: frozenset[str]) -> Fault | None:
        """Return the next fault of these kinds that was ordered for a verb."""
        ...

    def answer(self, call: Call, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """Do what a call asks for, and return status and body of the answer."""
        ...


class Server(ThreadingHTTPServer):
    """Serves on a thread per connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], served: Served, tls: ssl.SSLContext | None) -> None:
        self.served = served
        self._open: set[socket.socket] = set()
        super().__init__(address, Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def start(self) -> None:
        """Serve from now on."""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self.shutdown()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that the other side, or a fault, has cut."""


class Handler(BaseHTTPRequestHandler):
    """One connection. What is not under the queue API's path is a 404 as Airflow gives it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server  # this one only handles requests of its own kind

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the signature is given
        """Keep quiet."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = parts.path.removeprefix(routes.BASE)
        if path == parts.path:
            self._foreign(404, b'{"detail":"Not Found"}', {"Content-Type": "application/json"})
            return
        verb = "leave" if self.command == "DELETE" else _VERBS.get(path.rpartition("/")[2], "unknown")
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        call = Call(verb, path, body, token, time.monotonic())
        self.server.served.calls.append(call)
        if (fault := self.server.served.take_fault(verb, BEFORE)) is not None:
            self._fail_at_once(fault)
            return
        status, content = self._answer(call, parse_qs(parts.query))
        self._send(status, content, self.server.served.take_fault(verb, AFTER))

    def _fail_at_once(self, fault: Fault) -> None:
        """Fail before anything was done."""
        if fault.kind == "lost":
            self.close_connection = True
        elif fault.kind == "html":
            self._foreign(200, b"<html>Please log in</html>", _HTML)
        else:
            self._foreign(fault.status, fault.body, _HTML | fault.headers)

    def _answer(self, call: Call, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.headers.get(VERSION_HEADER) != str(PROTOCOL_VERSION):
            problem = Problem(reason=ProblemReason.VERSION, message="No common protocol version.")
            return 400, problem.model_dump_json().encode()
        return self.server.served.answer(call, query)

    def _send(self, status: int, content: bytes, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "drop":
            self.close_connection = True
            return
        if fault is not None and kind == "delay":
            fault.release.wait(60)
        self.send_response(status)
        self.send_header(VERSION_HEADER, str(PROTOCOL_VERSION))
        if content:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "half":
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def _foreign(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
