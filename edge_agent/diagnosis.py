"""What is wrong with a connection, in plain words: from the chain of exceptions to one sentence.

The text is for people. Nothing is decided by it; :mod:`edge_agent.retry` decides by type and status.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

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
    if HTTPStatus.MULTIPLE_CHOICES <= error.status < HTTPStatus.BAD_REQUEST:
        return f"{error}; put the address it leads to into EDGE_AGENT_URL"
    return f"{error}; a proxy or another program answers at that address"


_BY_KIND: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "it does not speak TLS as we do; is EDGE_AGENT_URL https:// and the port right?"),
    (socket.gaierror, "its name is not known here; correct EDGE_AGENT_URL, or this host's DNS"),
    (
        ConnectionRefusedError,
        "nobody listens at that address and port; is the API server up and EDGE_AGENT_URL right?",
    ),
    (TimeoutError, "no answer in time; a firewall may drop the packets, or the server is overloaded"),
)


def _explain_one(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, f"its certificate was refused: {error.verify_message}")
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "there is no network route to it from this host"
    return next((sentence for kind, sentence in _BY_KIND if isinstance(error, kind)), None)


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
