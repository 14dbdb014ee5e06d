"""Ports nobody listens on."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago.

    Another process may take it before it is used: whoever starts a server retries with another.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return ``count`` different free ports."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
