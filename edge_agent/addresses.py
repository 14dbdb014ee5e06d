"""What an address in the settings may look like."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def check_address(url: str) -> None:
    """Take the address of a server.

    :raises ValueError: saying what it must be.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = "must look like https://airflow.example.com"
        raise ValueError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = "must hold no user, password, query or fragment"
        raise ValueError(msg)


def check_proxy(url: str) -> None:
    """Take the address of a proxy, with or without a login.

    :raises ValueError: saying what it must be. The message does not repeat it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        msg = "must look like http://proxy:3128 or http://user:password@proxy:3128"
        raise ValueError(msg)


def leaves_in_the_clear(url: str, proxy: str | None) -> bool:
    """Whether what is sent there can be read on the way: unencrypted, and not on this host alone."""
    parts, via = urlsplit(url), urlsplit(proxy or "http://localhost")
    return parts.scheme == "http" and not (is_loopback(parts.hostname) and is_loopback(via.hostname))


def is_loopback(host: str | None) -> bool:
    """Whether that is this host itself."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
