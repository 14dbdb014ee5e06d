"""Whatever a server answers, and whatever stands in a connection, is read or refused in a way that tasks expect."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from airflow.sdk.definitions.connection import Connection
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.commands import calls
from airflow_plugin.commands.errors import ConnectionUnusable, QueueApiError
from airflow_plugin.commands.site import EXTRAS, OLD_NAMES, site_of
from edge_agent.protocol import VERSION_HEADER, ProblemReason, routes
from edge_agent.protocol.streams import Stream

TOKEN = "est_0123456789ab_planted"
ID = UUID(int=1)
CALLS = [calls.get(ID), calls.rights(), calls.logs(ID, 0, 1), calls.output(ID, Stream.STDOUT, 1)]
HEADERS = [
    VERSION_HEADER, "Retry-After", "Content-Type", "Location", routes.LOG_NEXT_HEADER, routes.LOG_OVER_HEADER,
    routes.OUTPUT_BYTES_HEADER, routes.OUTPUT_WHOLE_HEADER,
]  # fmt: skip
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12) | st.sampled_from(["1", "0", "-1"])
PROBLEMS = st.builds(
    lambda reason, state: f'{{"reason": "{reason}", "message": "m", "state": "{state}"}}'.encode(),
    st.sampled_from([*ProblemReason, "else"]),
    st.sampled_from(["running", "else"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda each: st.lists(each, max_size=2)
)


@given(
    st.sampled_from(CALLS),
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(HEADERS), WORDS),
    st.binary(max_size=50) | PROBLEMS,
)
def test_any_answer_is_what_was_asked_for_or_an_error_of_the_queue_api(call, status, headers, content):
    request = httpx.Request("GET", f"https://airflow.example.com{call.path}")
    response = httpx.Response(status, headers=headers, content=content, request=request)
    with suppress(QueueApiError):
        calls.read(call, response)


FIELDS = st.fixed_dictionaries(
    {
        "host": st.none() | st.text(max_size=20) | st.sampled_from(["h", "https://h", "h:1", "[::1", "http://u@h"]),
        "schema": st.none() | st.text(max_size=5) | st.sampled_from(["http", "https"]),
        "port": st.none() | st.integers(-1, 70_000),
        "login": st.none() | st.text(max_size=3),
        "password": st.none() | st.text(max_size=5) | st.just(TOKEN),
        "extra": st.none()
        | st.text(max_size=10)
        | st.dictionaries(st.sampled_from([*EXTRAS, *OLD_NAMES, "else"]), JSON, max_size=3).map(json.dumps),
    }
)


@given(FIELDS)
def test_any_connection_is_a_site_or_refused_without_its_token(fields):
    said = ""
    try:
        assert urlsplit(site_of(Connection(conn_id="c", conn_type="edge_agent", **fields)).url).hostname
    except ConnectionUnusable as error:
        said = str(error)
    assert "planted" not in said


def test_an_extra_that_is_nested_without_end_is_refused():
    with pytest.raises(ConnectionUnusable, match="no JSON object"):
        site_of(Connection(conn_id="c", conn_type="edge_agent", password=TOKEN, extra="[" * 100_000))
