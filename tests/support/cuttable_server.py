"""A real HTTP server in a thread whose network can be cut, and that answers what it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """Where it goes, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """What stands behind the question mark."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def token(self) -> str:
        """The bearer token; empty without one."""
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")


Answer = tuple[int, bytes, dict[str, str]]
"""Status, JSON (or nothing), headers."""

Serve = Callable[[Asked], Answer]


class CuttableServer(ThreadingHTTPServer):
    """Listens on loopback from its making until it is cut."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, serve: Serve) -> None:
        self.serve = serve
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="cuttable-server")
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def cut(self) -> None:
        """Stop listening and break every connection, as a host does that lost its network or power."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # Its client was faster.

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to cut it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error here: tests kill clients on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: CuttableServer
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes: without this each answer waits 40 ms for a delayed ACK.
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if len(body := self.rfile.read(length)) < length:  # its client died in the middle of it
            self.close_connection = True
            return
        status, content, headers = self.server.serve(Asked(self.command, self.path, self.headers, body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  the names are given

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is given
        """Be quiet: the test knows what was asked."""
