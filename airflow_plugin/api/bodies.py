"""Bodies of requests, bounded before anything parses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_agent.protocol import Problem, ProblemReason

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

    from airflow_plugin.config import QueueConfig

LENGTH_DIGITS = 18
"""More are no length that anything has; Python refuses to read thousands."""

MAX_DEPTH = 32
"""Messages of the protocol are four deep. A payload that a person wrote may be more, not this."""

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


async def read(scope: Scope, receive: Receive, config: QueueConfig) -> Receive | Problem:
    """Read a body and return it for reading again, or what is wrong with it.

    Log bytes pass unread: whoever takes them counts them, after looking at the token.
    """
    if header(scope, b"content-type").startswith(b"application/octet-stream"):
        return receive
    limit = config.body_limit_bytes
    length = header(scope, b"content-length")
    if length.isdigit() and (len(length) > LENGTH_DIGITS or int(length) > limit):
        return _too_large(limit)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return _again(message, receive)
        body += message.get("body", b"")
        if len(body) > limit:
            return _too_large(limit)
        more = message.get("more_body", False)
    if depth_exceeds(bytes(body), MAX_DEPTH):
        return Problem(reason=ProblemReason.INVALID, message=f"The body is nested more than {MAX_DEPTH} deep.")
    return _again({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def depth_exceeds(body: bytes, most: int) -> bool:
    """Whether brackets in JSON nest deeper than that, without parsing it. What is no JSON is left to the parser."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            return True
    return False


def _again(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header, empty where there is none."""
    value: bytes = next((value for key, value in scope["headers"] if key == name), b"")
    return value


def _too_large(limit: int) -> Problem:
    text = f"A body may have {limit} bytes ([edge_agent] body_limit_bytes)."
    return Problem(reason=ProblemReason.TOO_LARGE, message=text)
