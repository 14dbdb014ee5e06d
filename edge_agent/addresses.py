"""What an address in the settings may look like."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

LAST_PORT = 65_535


def listening_at(address: str) -> tuple[str, int]:
    """Return the host and the port of an address to listen at, without the brackets of IPv6.

    :raises ValueError: saying what it must be.
    """
    host, _, port = address.rpartition(":")
    is_ipv6 = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if is_ipv6 else host
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= LAST_PORT or not _is_a_host(bare, is_ipv6=is_ipv6):
        msg = "must be host:port, such as 127.0.0.1:8099 or [::1]:8099; 0.0.0.0:8099 is every IPv4 address of this host"
        raise ValueError(msg)
    return bare, int(port)


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


def _is_a_host(host: str, *, is_ipv6: bool) -> bool:
    try:
        return ipaddress.ip_address(host).version == (6 if is_ipv6 else 4)
    except ValueError:
        return (
            not is_ipv6
            and re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", host) is not None
        )


def _check_server(url: str) -> str:
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
    return url


def _check_proxy(secret: SecretStr) -> SecretStr:
    """Take the address of a proxy, with or without a login.

    :raises ValueError: saying what it must be. The message does not repeat it.
    """
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        msg = "must look like http://proxy:3128 or http://user:password@proxy:3128"
        raise ValueError(msg)
    return secret


def _check_listening(address: str) -> str:
    listening_at(address)
    return address


ServerAddress = Annotated[str, AfterValidator(_check_server)]
"""Where Airflow is."""

ProxyAddress = Annotated[SecretStr, AfterValidator(_check_proxy)]
"""Where a proxy is; a secret, as it may hold a login."""

ListeningAddress = Annotated[str, AfterValidator(_check_listening)]
"""Where something of the agent listens: :func:`listening_at` takes it apart."""
