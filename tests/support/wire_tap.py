"""Everything that a host and its server say to each other, in the clear: a proxy between the two that changes nothing.

It ends the host's connection and asks the server itself, so that what is compressed or encrypted on the way is read.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

_HOP_BY_HOP = frozenset(
    {"connection", "content-encoding", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}
)
LONGEST_SECONDS = 90.0
"""How long an answer may take: a poll is held for 25."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, heads and bodies, as text. ``up`` left the host, ``down`` came to it."""

    method: str
    path: str
    up: str
    down: str

    def sent(self) -> Any:
        """Return the JSON that left the host; an empty object where there was none."""
        head, _, body = self.up.partition("\n\n")
        return json.loads(body.strip() or "{}") if "json" in head else {}


class WireTap:
    """Stands before one server. A context manager; ``exchanges`` holds all there were, in the order of their ends."""

    def __init__(self, server: str) -> None:
        self.exchanges: list[Exchange] = []
        exchanges, limits = self.exchanges, httpx.Limits(max_connections=None, max_keepalive_connections=20)
        client = httpx.Client(base_url=server, timeout=LONGEST_SECONDS, limits=limits, trust_env=False)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                sent = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP]
                answer = client.request(self.command, self.path, headers=sent, content=body)
                up = f"{self.requestline}\n{self.headers}\n{body.decode(errors='replace')}"
                down = f"{answer.status_code}\n{answer.headers.multi_items()}\n{answer.text}"
                exchanges.append(Exchange(self.command, self.path, up, down))
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on  # noqa: N815  its names

            def log_message(self, *_: Any) -> None:
                pass

        self._client = client
        self._server = _Server(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where the host's end is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing of a host or a server that went away in the middle: tests stop both."""
