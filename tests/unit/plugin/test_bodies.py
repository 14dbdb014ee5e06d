"""Bodies are bounded in size and nesting before anything parses them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.api.bodies import depth_exceeds, read
from airflow_plugin.config import QueueConfig
from edge_agent.protocol import Problem, ProblemReason

CONFIG = QueueConfig(body_limit_bytes=1000)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value):
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max((depth_of(each) for each in inner), default=0)
    return 0


@given(VALUES, st.integers(0, 6))
def test_the_depth_is_that_of_the_parsed_value_whatever_its_texts_hold(value, most):
    assert depth_exceeds(json.dumps(value).encode(), most) == (depth_of(value) > most)


@given(st.binary(max_size=300))
def test_what_is_no_json_is_no_error_here(body):
    depth_exceeds(body, 3)


def test_texts_and_a_wide_body_do_not_count():
    wide = json.dumps([[{"name": '[[[[[{{{{{\\"[['}] for _ in range(1000)])
    assert not depth_exceeds(wide.encode(), 3)
    assert depth_exceeds(b"[" * 100_000, 32)


class Client:
    """What a server hands over of a request, in parts; counts what was asked for."""

    def __init__(self, *parts, **headers):
        self.parts, self.taken = parts, 0
        self.scope = {"headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]}

    async def receive(self):
        if self.taken == len(self.parts):
            return {"type": "http.disconnect"}
        self.taken += 1
        return {"type": "http.request", "body": self.parts[self.taken - 1], "more_body": self.taken < len(self.parts)}

    async def read(self):
        return await read(self.scope, self.receive, CONFIG)


async def test_a_body_within_the_limit_is_handed_on_whole():
    client = Client(b'{"a"', b": ", b"1}")
    again = await client.read()
    assert await again() == {"type": "http.request", "body": b'{"a": 1}', "more_body": False}
    assert (await again())["type"] == "http.disconnect"


@pytest.mark.parametrize(
    ("client", "taken"),
    [
        (Client(b"x" * 1001, content_length="1001"), 0),
        (Client(*[b"x" * 600] * 5), 2),
        (Client(*[b"x" * 600] * 5, content_length="many"), 2),
        (Client(*[b"x" * 600] * 5, content_length="3"), 2),
    ],
)
async def test_a_body_over_the_limit_is_not_read_to_its_end(client, taken):
    problem = await client.read()
    assert isinstance(problem, Problem)
    assert problem.reason is ProblemReason.TOO_LARGE
    assert "1000 bytes" in problem.message
    assert client.taken == taken


async def test_a_body_nested_too_deep_is_refused():
    problem = await Client(b"[" * 33).read()
    assert isinstance(problem, Problem)
    assert problem.reason is ProblemReason.INVALID


async def test_log_bytes_pass_unread():
    client = Client(b"x" * 5000, content_type="application/octet-stream")
    assert await client.read() == client.receive
    assert client.taken == 0


async def test_a_client_that_goes_away_in_the_middle_is_told_on():
    again = await Client().read()
    assert (await again())["type"] == "http.disconnect"
