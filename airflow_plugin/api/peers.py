"""Whom a request really comes from: the address at the other end, or what a proxy we trust says of it.

Anybody can write ``X-Forwarded-For``. An entry is believed only when the one who added it is a proxy that
``[edge_agent] trusted_proxies`` names: from the right, as each hop appends the address it saw.

Airflow may have believed it before us, and then the true address is gone. ``airflow api-server`` (3.3) starts
uvicorn without looking at the header; with ``--proxy-headers`` uvicorn believes the proxies in
``FORWARDED_ALLOW_IPS``, by default this machine's; gunicorn with ``--proxy-headers`` believes *everybody*
unless that variable is set. We cannot undo this, only say so at start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from airflow_plugin.queue.allowances import parse_address

if TYPE_CHECKING:
    from starlette.types import Scope

Networks = Sequence[IPv4Network | IPv6Network]

MOST_HOPS = 20
"""More entries than any chain of proxies has: the rest is not looked at."""


def peer_of(scope: Scope, trusted: Networks) -> str | None:
    """Return the address a request comes from; None when that cannot be learnt, as through a socket file."""
    client = scope.get("client")
    address = parse_address(client[0]) if client else None
    claims = _claims(scope) if trusted else []
    while address is not None and claims and any(address in network for network in trusted):
        address = parse_address(_without_port(claims.pop()))
    return None if address is None else str(address)


def peer(request: Request) -> str | None:
    """Return the address this request comes from."""
    return peer_of(request.scope, request.app.state.trusted_proxies)


Peer = Annotated[str | None, Depends(peer)]


def believes_everybody() -> str | None:
    """Return what makes this process take any client's word for its address, None when nothing does."""
    from airflow.configuration import conf

    if "--proxy-headers" not in sys.argv:
        return None
    allowed = os.environ.get("FORWARDED_ALLOW_IPS")
    if allowed == "*":
        return "FORWARDED_ALLOW_IPS is '*'"
    if allowed is None and conf.get("api", "server_type", fallback="uvicorn").lower() == "gunicorn":
        return "--proxy-headers with gunicorn, and FORWARDED_ALLOW_IPS is not set"
    return None


def _claims(scope: Scope) -> list[str]:
    """Return the entries of the header, that of the nearest hop last."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [entry.strip() for entry in ",".join(values).split(",")][-MOST_HOPS:] if values else []


def _without_port(entry: str) -> str:
    """Return the address of ``192.0.2.1:443``, ``[2001:db8::1]:443`` or ``"[2001:db8::1]"``."""
    entry = entry.strip('"')
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
