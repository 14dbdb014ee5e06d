"""Whose limit a request counts against: that of the token it shows, whatever else it says."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from starlette.responses import Response

from airflow_plugin.api.gate import Gate
from airflow_plugin.config import QueueConfig
from edge_agent.protocol.routes import PREFIX

LIMIT = 5
DISGUISES: dict[str, list[list[tuple[bytes, bytes]]]] = {
    "nothing": [[(b"authorization", b"Bearer one")]] * 20,
    "cookies": [[(b"authorization", b"Bearer one"), (b"cookie", b"x=%d" % number)] for number in range(20)],
    "spaces": [[(b"authorization", b"Bearer " + b" " * number + b"one ")] for number in range(20)],
    "letters": [[(b"authorization", word + b" one")] for word in (b"bearer", b"BEARER", b"Bearer", b"bEARER") * 5],
    "a second header": [[(b"authorization", b"Bearer one"), (b"authorization", b"%d" % each)] for each in range(20)],
    "other cookies": [[(b"cookie", b"x=%d; _token=one" % number)] for number in range(20)],
    "another scheme": [[(b"authorization", b"Basic %d" % each), (b"cookie", b"_token=one")] for each in range(20)],
}


async def answered(gate: Gate, headers: list[tuple[bytes, bytes]]) -> int:
    """Ask, and return the status."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "GET", "path": PREFIX + "/ui/agents", "headers": headers, "client": None}
    await gate(scope, receive, send)
    return int(said[0]["status"])


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_token_has_one_limit_in_whatever_disguise(disguise):
    gate = Gate(Response(status_code=204), QueueConfig(requests_per_minute=LIMIT), (PREFIX + "/health",))

    async def ask_all() -> Counter[int]:
        return Counter([await answered(gate, headers) for headers in DISGUISES[disguise]])

    assert asyncio.run(ask_all()) == {204: LIMIT, 429: 20 - LIMIT}


def test_another_token_has_a_limit_of_its_own():
    gate = Gate(Response(status_code=204), QueueConfig(requests_per_minute=LIMIT), (PREFIX + "/health",))

    async def ask_all() -> list[int]:
        tokens = [b"one"] * 20 + [b"two"]
        return [await answered(gate, [(b"authorization", b"Bearer " + token)]) for token in tokens]

    assert asyncio.run(ask_all())[-2:] == [429, 204]
