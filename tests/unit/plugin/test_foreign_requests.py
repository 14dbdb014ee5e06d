"""What the server reads of strangers: whatever the bytes are, they are refused in order, or passed on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from airflow_plugin.api import auth, proofs
from airflow_plugin.api.gate import Gate
from airflow_plugin.api.reach_guard import reached_by
from airflow_plugin.api.versions import VersionHeader
from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import Invalid, Unauthenticated
from airflow_plugin.models import AgentRow
from airflow_plugin.queue.agent_search import version_key
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.placement import Placement, validated_requirements
from airflow_plugin.queue.skew import skew
from airflow_plugin.scheduling.executor_config import wishes
from edge_agent.protocol import PROOF_HEADER, HostHealth, Problem, Versions
from edge_agent.protocol.routes import PREFIX
from tests.support.json_values import JSON_VALUES

CONFIG = QueueConfig(trusted_proxies="127.0.0.1", failed_logins_per_minute=10**9)
LONG_NUMBERS = st.integers(1, 6000).map("9".__mul__)
"""Python refuses to read numbers of more than 4300 digits."""

WORDS = st.one_of(
    st.binary(max_size=40),
    LONG_NUMBERS.map(str.encode),
    st.sampled_from([b"1", b"application/json", b"Bearer ", b"Bearer eas_x_y", b"127.0.0.1, ::1, x", b"[::1"]),
)
NAMES = [b"authorization", b"cookie", b"content-length", b"content-type", b"edge-agent-protocol", b"x-forwarded-for"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES) | st.binary(min_size=1, max_size=9), WORDS), max_size=6)
PATHS = st.sampled_from(["/agents/a/session", "/assignments/report", "/ui/tokens", "/health"]).map(PREFIX.__add__)


async def passed_on(scope: Any, receive: Any, send: Any) -> None:
    """Stand for the app: reads the body and says that it is there."""
    while (await receive()).get("more_body"):
        pass
    await Response(status_code=204)(scope, receive, send)


async def ask(scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    """Ask the whole gate, and return the one answer it gives."""
    app = VersionHeader(Gate(passed_on, CONFIG, (PREFIX + "/health",)), PREFIX)
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    (start,) = (each for each in said if each["type"] == "http.response.start")
    return start["status"], b"".join(each.get("body", b"") for each in said)


@given(HEADERS, PATHS | st.text(max_size=30), st.binary(max_size=60), st.sampled_from(["GET", "POST", "DELETE", "X"]))
def test_whatever_is_sent_is_passed_on_or_refused_with_a_problem(headers, path, body, method):
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": ("127.0.0.1", 1)}
    status, answer = asyncio.run(ask(scope, body))
    assert status in {204, 401, 413, 422, 426}
    if status != 204:
        Problem.model_validate_json(answer)


@pytest.mark.parametrize("header", [b"edge-agent-protocol", b"content-length"])
def test_a_number_too_long_to_be_read_is_refused(header):
    headers = [(b"authorization", b"Bearer x"), (header, b"9" * 5000)]
    scope = {"type": "http", "method": "POST", "path": f"{PREFIX}/ui/tokens", "headers": headers, "client": None}
    if header == b"edge-agent-protocol":
        scope["path"] = f"{PREFIX}/agents/a/session"
    status, _ = asyncio.run(ask(scope, b""))
    assert status == {b"edge-agent-protocol": 426, b"content-length": 413}[header]


@given(WORDS)
def test_what_is_shown_is_a_session_a_token_or_refused(shown):
    request = Request({"type": "http", "headers": [(b"authorization", shown)]})
    with suppress(Unauthenticated):
        value = auth.bearer(request)
        for read in (auth.session_token, auth.agent_token):
            with suppress(Unauthenticated):
                read(value)


@given(WORDS, st.binary(max_size=20), WORDS)
def test_no_proof_that_is_none_is_believed(proof, body, path):
    scope = {"type": "http", "method": "POST", "path": path.decode("latin-1"), "query_string": b""}
    request = Request(scope | {"headers": [(PROOF_HEADER.lower().encode(), proof)]})
    with pytest.raises(Unauthenticated):
        proofs.host_key_of(request, "a token", body)


@given(st.sampled_from(["/execution/connections/", "/execution/variables/", "/execution/", ""]), st.text(max_size=30))
def test_any_path_asks_for_something_guarded_or_for_nothing(beginning, rest):
    reached = reached_by({"type": "http", "method": "GET", "path": beginning + rest, "root_path": ""})
    assert reached is None or beginning + rest == "" or reached.name is None or reached.name in rest


LISTS = st.sampled_from(["queues", "agents", "addresses", "run_as_users", "connections", "variables"])


@given(st.dictionaries(LISTS, st.lists(st.text(max_size=20) | st.sampled_from(["a", "10.0.0.0/8", "::/0"]))))
def test_an_allowance_is_made_or_refused(lists):
    with suppress(Invalid):
        Allowance(**lists)


@given(JSON_VALUES | st.fixed_dictionaries({"edge_agent": JSON_VALUES}))
def test_a_tasks_wishes_are_read_or_refused(executor_config):
    with suppress(Invalid):
        wishes(executor_config)


PARTS = LONG_NUMBERS | st.text(alphabet="0123456789.>= a", max_size=8)
VERSIONS = st.lists(PARTS, min_size=1, max_size=3).map(".".join)


@given(st.text() | VERSIONS | st.integers() | st.floats() | st.booleans(), VERSIONS | st.integers() | st.booleans())
def test_whatever_an_agent_says_of_itself_meets_a_requirement_or_does_not(has, wanted):
    with suppress(Invalid):
        requires = validated_requirements({"name": f">={wanted}" if isinstance(wanted, str) else wanted})
        assert len(Placement("q", None, requires).lacking({"name": has})) in (0, 1)


CLOCKS = st.datetimes(timezones=st.none() | st.timezones()) | st.text() | st.integers() | st.floats(allow_nan=False)


@given(st.text(max_size=70) | VERSIONS, CLOCKS.map(lambda clock: clock if isinstance(clock, float) else str(clock)))
def test_whatever_version_and_clock_a_host_has_it_is_ordered_and_compared(version, clock):
    with suppress(ValidationError):
        versions, health = Versions(agent=version, python="3"), HostHealth(clock=clock)
        assert version_key(versions.agent) is not None
        said = {"versions": versions.model_dump(), "health": health.model_dump(mode="json")}
        agent = AgentRow(**said, protocol_version=1, beat=1, last_seen_at=datetime.now(UTC))
        assert all(isinstance(sentence, str) for sentence in skew(agent))
