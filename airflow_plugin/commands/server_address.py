"""The address of a server, put together from the fields of a connection."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

SCHEMES = ("https", "http")


def address_of(host: str, schema: str | None, port: int | None, path: str | None) -> str:
    """Return an address without a slash at its end. ``host`` may itself have a scheme, a port and a path.

    :raises ValueError: when two of them say different things, or what they say is no address.
    """
    said, _, rest = host.strip().rpartition("://")
    scheme = _one("scheme", said.lower(), (schema or "").lower(), default="https")
    if scheme not in SCHEMES:
        msg = f"its schema is {scheme!r}; it must be https or http, and a path belongs into the extra 'path'"
        raise ValueError(msg)
    parts = urlsplit(f"{scheme}://{_bracketed(rest)}")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment or " " in rest:
        msg = "its host must look like airflow.example.com"
        raise ValueError(msg)
    number = _one("port", str(parts.port or ""), str(port or ""), default="")
    place = _one("path", parts.path.strip("/"), (path or "").strip("/"), default="")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{name}" + (f":{number}" if number else "") + (f"/{place}" if place else "")


def is_in_the_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way: unencrypted, and not on this host alone."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not is_loopback(parts.hostname)


def is_loopback(host: str | None) -> bool:
    """Whether that is this host itself."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _one(what: str, in_host: str, beside: str, *, default: str) -> str:
    if in_host and beside and in_host != beside:
        msg = f"its host says one {what} ({in_host}), and the field beside it another ({beside}); leave one out"
        raise ValueError(msg)
    return in_host or beside or default


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host  # noqa: PLR2004  IPv6, by its name
    except ValueError:
        return host
