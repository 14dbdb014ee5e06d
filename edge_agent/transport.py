"""The way to a server: whom to trust, who we are, through which proxy. What is said on it, is not known here."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from edge_agent import __version__
from edge_agent.addresses import is_loopback
from edge_agent.errors import SettingsError
from edge_agent.private_files import is_open
from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, routes
from edge_agent.settings import AgentSettings, variable

TIMEOUT = httpx.Timeout(15.0, connect=10.0, pool=None)
"""Seconds. A pool may be waited for: what waits there has its own patience."""

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=4.0)
"""Idle connections go after 4 s: API servers close theirs after 5 s, and a request that meets that
moment fails."""


def open_http(settings: AgentSettings) -> httpx.AsyncClient:
    """Open the connection pool to a queue API.

    :raises SettingsError: when a certificate or key cannot be used, or there is no way through such a proxy.
    """
    context = _trust(settings.ca_file)
    if settings.client_cert_file is not None:
        _identify(context, settings.client_cert_file, settings.client_key_file)
    try:
        return httpx.AsyncClient(
            base_url=settings.url.rstrip("/") + routes.BASE,
            headers={VERSION_HEADER: str(PROTOCOL_VERSION), "User-Agent": f"edge-agent/{__version__}"},
            verify=context,
            timeout=TIMEOUT,
            limits=LIMITS,
            **_proxy(settings),
        )
    except (ImportError, ValueError) as error:  # SOCKS, or what the environment names makes no sense
        msg = f"{variable('proxy')}, or HTTPS_PROXY and its like in the environment: cannot be used: {error}"
        raise SettingsError(msg) from None


def proxy_in_words(settings: AgentSettings) -> str | None:
    """Say through which proxy the agent goes and who says so, without its login; None: it goes straight."""
    if settings.proxy is not None:
        return f"{_without_login(settings.proxy.get_secret_value())} ({variable('proxy')})"
    parts = urlsplit(settings.url)
    found = getproxies().get(parts.scheme) or getproxies().get("all")
    if found is None or is_loopback(parts.hostname) or proxy_bypass(parts.hostname or ""):
        return None
    return f"{_without_login(found)} (the environment)"


def _proxy(settings: AgentSettings) -> dict[str, Any]:
    """Return the proxy to use: the one that is set, or else what the environment says for that address.

    The environment of a host says nothing about the host itself: what is meant for it stays on it.
    """
    if settings.proxy is not None:
        return {"proxy": settings.proxy.get_secret_value(), "trust_env": False}
    return {"trust_env": not is_loopback(urlsplit(settings.url).hostname)}


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the given authorities, or else the host's own, as its other programs do."""
    if ca_file is not None:
        try:
            return ssl.create_default_context(cafile=str(ca_file))
        except OSError as error:  # ssl.SSLError is one
            msg = f"{variable('ca_file')}: {ca_file} holds no certificates that can be read: {error}"
            raise SettingsError(msg) from error
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        return httpx.create_ssl_context()  # a Python built away from this host does not find its authorities
    return ssl.create_default_context()


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Show this certificate to servers that ask for one."""
    holder = key or certificate
    name = variable("client_key_file" if key else "client_cert_file")
    try:
        if is_open(holder.stat()):
            msg = f"{name}: {holder} holds a key and is open to other users; run: chmod 600 {holder}"
            raise SettingsError(msg)
        # Nobody is there to be asked for a password.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        msg = (
            f"{variable('client_cert_file')}: {certificate} and {holder} hold no certificate with its key "
            f"({error.reason or error}); both must be PEM, the key without a password"
        )
        raise SettingsError(msg) from error
    except OSError as error:
        msg = f"{name}: cannot read {error.filename or holder}: {error.strerror}"
        raise SettingsError(msg) from error


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
