"""What is wrong with a connection, in plain words: from the chain of exceptions to one sentence.

The text is for people. Nothing is decided by it; :mod:`edge_agent.retry` decides by type and status.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from edge_agent.errors import UndecodableAnswer

_CERTIFICATE = {
    9: "its certificate is not valid yet; look at this host's clock",
    10: "its certificate has expired; renew it on the server, or look at this host's clock",
    18: "its certificate is self-signed and not trusted here; set EDGE_AGENT_CA_FILE to it",
    19: "its certificate comes from an authority not trusted here; set EDGE_AGENT_CA_FILE to that authority",
    20: "its certificate comes from an authority not trusted here; set EDGE_AGENT_CA_FILE to that authority",
    21: "its certificate comes from an authority not trusted here; set EDGE_AGENT_CA_FILE to that authority",
    62: "its certificate is for another name; use the name in the certificate in EDGE_AGENT_URL",
    64: "its certificate is for another address; use the name in the certificate in EDGE_AGENT_URL",
}
"""OpenSSL's X509_V_ERR numbers."""


def explain(error: BaseException) -> str:
    """Say in one sentence what stands between this host and the queue API, and what to do."""
    if isinstance(error, UndecodableAnswer):
        return explain_foreign(error)
    for cause in _causes(error):
        if sentence := _explain_one(cause):
            return sentence
    return str(error).rstrip(".") or type(error).__name__


def explain_foreign(error: UndecodableAnswer) -> str:
    """Say what an answer that is not a queue API's may mean."""
    if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        # Airflow without the plugin shows its own page for any path, and takes no POST there.
        return (
            f"there is no queue API at that address ({error.status}); install airflow-edge-agent[server] "
            "beside the API server, or correct the path in EDGE_AGENT_URL"
        )
    if error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return _PROXY_LOGIN
    if HTTPStatus.MULTIPLE_CHOICES <= error.status < HTTPStatus.BAD_REQUEST:
        return f"{error}; put the address it leads to into EDGE_AGENT_URL"
    return f"{error}; a proxy or another program answers at that address"


def explain_refusal(status: int, page: str) -> str | None:
    """Say what a refusal that is no queue API's means, of those that say it themselves; None: it is another."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return _PROXY_LOGIN
    if status == HTTPStatus.BAD_REQUEST and "SSL certificate" in page:  # what nginx writes there
        return _CERTIFICATE_WANTED if "No required" in page else _CERTIFICATE_REFUSED
    return None


_PROXY_LOGIN = "the proxy wants a login, or another one; set EDGE_AGENT_PROXY to http://user:password@proxy:port"
_CERTIFICATE_WANTED = "it wants a client certificate; set EDGE_AGENT_CLIENT_CERT_FILE and EDGE_AGENT_CLIENT_KEY_FILE"
_CERTIFICATE_REFUSED = (
    "it refuses our client certificate: it is not from the authority that it trusts for agents, has expired or was "
    "revoked; look at EDGE_AGENT_CLIENT_CERT_FILE"
)

_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _CERTIFICATE_WANTED,
    # Before TLS 1.3 this is all that is said; it stands for other things, too.
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it breaks off the TLS handshake; most likely " + _CERTIFICATE_WANTED,
    **dict.fromkeys(
        (
            "SSLV3_ALERT_BAD_CERTIFICATE",
            "SSLV3_ALERT_CERTIFICATE_EXPIRED",
            "SSLV3_ALERT_CERTIFICATE_REVOKED",
            "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
            "TLSV1_ALERT_UNKNOWN_CA",
            "TLSV1_ALERT_ACCESS_DENIED",
            "TLSV1_ALERT_DECRYPT_ERROR",
        ),
        _CERTIFICATE_REFUSED,
    ),
}
"""How OpenSSL names what the other side says of our certificate, or of there being none."""


_BY_KIND: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (ssl.SSLError, "it does not speak TLS as we do; is EDGE_AGENT_URL https:// and the port right?"),
    (socket.gaierror, "its name is not known here; correct EDGE_AGENT_URL, or this host's DNS"),
    (
        ConnectionRefusedError,
        "nobody listens at that address and port; is the API server up and EDGE_AGENT_URL right?",
    ),
    (
        (ConnectionResetError, BrokenPipeError),
        "it breaks off the connection; if it asks for a client certificate, look at EDGE_AGENT_CLIENT_CERT_FILE",
    ),
    (TimeoutError, "no answer in time; a firewall may drop the packets, or the server is overloaded"),
)


def _explain_one(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, f"its certificate was refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError) and (alert := _ALERTS.get(getattr(error, "reason", None) or "")):
        return alert
    if isinstance(error, httpx.ProxyError):
        return _explain_proxy(str(error))
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "there is no network route to it from this host"
    return next((sentence for kind, sentence in _BY_KIND if isinstance(error, kind)), None)


def _explain_proxy(said: str) -> str:
    """Explain what a proxy answered instead of opening a way; all that httpx keeps of it is this text."""
    if said.startswith(str(int(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED))):
        return _PROXY_LOGIN
    return f"the proxy lets nobody through to it ({said}); have the address allowed there, or correct EDGE_AGENT_PROXY"


def _causes(error: BaseException, depth: int = 10) -> Iterator[BaseException]:
    """Go through an exception and what is behind it, the innermost first: it knows best."""
    if depth == 0:
        return
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member, depth - 1)
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield from _causes(behind, depth - 1)
    yield error
