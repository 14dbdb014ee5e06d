"""From exceptions to sentences an operator can act on."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx
import pytest

from edge_agent.diagnosis import explain, explain_refusal
from edge_agent.errors import UndecodableAnswer, Unreachable


def caused_by(cause):
    """Make what the client raises when that is at the bottom of it, behind another library's error."""
    try:
        try:
            raise httpx.ConnectError("All connection attempts failed") from cause
        except httpx.ConnectError as error:
            raise Unreachable("no answer") from error
    except Unreachable as error:
        return error


def refused_certificate(code):
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = code, "something about the chain"
    return error


def alert(reason):
    error = ssl.SSLError("x")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (refused_certificate(10), "certificate has expired"),
        (refused_certificate(9), "not valid yet"),
        (refused_certificate(20), "EDGE_AGENT_CA_FILE"),
        (refused_certificate(62), "for another name"),
        (refused_certificate(99), "refused: something about the chain"),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (socket.gaierror(-2, "unknown"), "name is not known here"),
        (ConnectionRefusedError(), "nobody listens"),
        (ConnectionResetError(), "breaks off the connection"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "wants a client certificate"),
        (alert("TLSV1_ALERT_UNKNOWN_CA"), "refuses our client certificate"),
        (alert("WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (httpx.ProxyError("407 Proxy Authentication Required"), "the proxy wants a login"),
        (httpx.ProxyError("403 Forbidden"), "lets nobody through to it (403 Forbidden)"),
        (TimeoutError(), "no answer in time"),
        (OSError(errno.EHOSTUNREACH, "x"), "no network route"),
        (ExceptionGroup("both", [OSError("x"), ConnectionRefusedError()]), "nobody listens"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_innermost_cause_is_explained(cause, words):
    assert words in explain(caused_by(cause))


def test_what_nobody_knows_is_repeated():
    assert explain(caused_by(ValueError("strange"))) == "no answer"
    assert explain(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "no queue API at that address"),
        (405, "no queue API at that address"),
        (302, "put the address"),
        (200, "a proxy"),
        (407, "the proxy wants a login"),
    ],
)
def test_a_foreign_answer_is_explained_by_its_status(status, words):
    assert words in explain(UndecodableAnswer("an answer", status=status))


def test_a_circle_of_causes_comes_to_an_end():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert explain(one) == "one"


@pytest.mark.parametrize(
    ("status", "page", "words"),
    [
        (400, "<h1>400 No required SSL certificate was sent</h1>", "wants a client certificate"),
        (400, "<h1>400 The SSL certificate error</h1>", "refuses our client certificate"),
        (407, "", "the proxy wants a login"),
    ],
)
def test_a_refusal_that_explains_itself_is_understood(status, page, words):
    assert words in (explain_refusal(status, page) or "")


@pytest.mark.parametrize(("status", "page"), [(400, "bad"), (403, "SSL certificate"), (200, "")])
def test_any_other_is_left_to_others(status, page):
    assert explain_refusal(status, page) is None
