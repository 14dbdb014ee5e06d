"""A small HTTP proxy: opens ways with CONNECT, asks for a login if told to, and remembers where to."""

from __future__ import annotations

import base64
import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class HttpProxy:
    """The proxy. ``login``: ``user:password`` that it asks for. ``refuses``: whether it lets nobody through."""

    def __init__(self, *, login: str | None = None, refuses: bool = False) -> None:
        self.asked: list[str] = []
        wanted = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                asked.append(self.path)
                if wanted is not None and self.headers.get("Proxy-Authorization") != wanted:
                    self.send_error(407)
                elif refuses:
                    self.send_error(403)
                else:
                    self._open()

            def do_POST(self) -> None:
                """Take what should have stayed on its host."""
                asked.append(self.path)
                self.send_error(407 if wanted else 502)

            do_GET = do_POST  # noqa: N815  http.server looks for that name

            def _open(self) -> None:
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host.strip("[]"), int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    _pump(self.connection, there)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                try:
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # both are sockets
                    key.data.sendall(data)
                except OSError:
                    return
                if not data:
                    return
