"""What each answer, and each lack of one, becomes."""

from __future__ import annotations

import asyncio
import json
import ssl

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from edge_agent.client import QueueClient
from edge_agent.errors import (
    AgentError,
    Forbidden,
    HostMismatch,
    ProblemAnswer,
    QueueApiError,
    SessionEnded,
    Superseded,
    Unauthenticated,
    UndecodableAnswer,
    Unreachable,
    VersionMismatch,
)
from edge_agent.host_key import HostKey
from edge_agent.protocol import PROOF_HEADER, VERSION_HEADER, Problem, ProblemReason, Proof
from edge_agent.protocol.base import Answer
from edge_agent.protocol.proofs import signed_text
from tests.support.json_values import JSON_VALUES
from tests.unit.protocol.examples import MESSAGES, ONE

VERSION = {VERSION_HEADER: "1"}
SESSION = MESSAGES["Session"]


def client(answer):
    """Make a client whose requests are answered by ``answer``: a response, or an exception."""
    asked = []

    def handle(request):
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="https://airflow/edge_agent/v1")
    return QueueClient(http, "h1", HostKey.fresh()), asked


def ok(message, headers=VERSION):
    return httpx.Response(200, headers=headers, json=json.loads(MESSAGES[message].model_dump_json()))


VERBS = {
    "register": (
        "Session",
        lambda it: it.register(SecretStr("agent-token"), MESSAGES["Registration"]),
        "agents/h1/session",
    ),
    "check": ("Checked", lambda it: it.check(SecretStr("agent-token"), MESSAGES["Registration"]), "agents/h1/check"),
    "heartbeat": ("BeatAnswer", lambda it: it.heartbeat(SESSION, MESSAGES["Beat"]), "agents/h1/heartbeat"),
    "poll": ("PollAnswer", lambda it: it.poll(SESSION, MESSAGES["Poll"]), "agents/h1/poll"),
    "confirm": ("ConfirmAnswer", lambda it: it.confirm(SESSION, MESSAGES["Confirm"]), "assignments/confirm"),
    "send_log about a log": (
        "LogAck",
        lambda it: it.send_log(SESSION, ONE, 0, b"words", "store"),
        f"assignments/{ONE}/logs?offset=0&kept=store",
    ),
    "send_log": ("LogAck", lambda it: it.send_log(SESSION, ONE, 12, b"\xff"), f"assignments/{ONE}/logs?offset=12"),
    "report": ("ReportAnswer", lambda it: it.report(SESSION, MESSAGES["Report"]), "assignments/report"),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_asks_what_it_should_and_returns_what_was_answered(verb):
    answer, ask, path = VERBS[verb]
    speaking, asked = client(ok(answer))
    assert await ask(speaking) == MESSAGES[answer]
    assert str(asked[0].url) == f"https://airflow/edge_agent/v1/{path}"
    token = "agent-token" if verb in ("register", "check") else SESSION.token
    assert asked[0].headers["Authorization"] == f"Bearer {token}"
    proof, url = Proof.parse(asked[0].headers[PROOF_HEADER]), asked[0].url.raw_path.decode()
    text = signed_text("POST", url.removeprefix("/edge_agent/v1"), asked[0].content, token)
    Ed25519PublicKey.from_public_bytes(proof.public_key).verify(proof.signature, text)


async def test_log_bytes_travel_as_they_are():
    speaking, asked = client(ok("LogAck"))
    await speaking.send_log(SESSION, ONE, 0, b"\xff\x00")
    assert asked[0].content == b"\xff\x00"
    assert asked[0].headers["Content-Type"] == "application/octet-stream"


async def test_leaving_needs_no_answer_but_a_success():
    speaking, asked = client(httpx.Response(204, headers=VERSION))
    await speaking.leave(SESSION)
    assert asked[0].method == "DELETE"


async def test_a_poll_waits_longer_than_the_server_may_hold_it():
    speaking, asked = client(ok("PollAnswer"))
    await speaking.poll(SESSION, MESSAGES["Poll"])
    assert asked[0].extensions["timeout"]["read"] == MESSAGES["Poll"].wait_seconds + 10


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (ProblemReason.SESSION_ENDED, SessionEnded),
        (ProblemReason.SUPERSEDED, Superseded),
        (ProblemReason.UNAUTHENTICATED, Unauthenticated),
        (ProblemReason.FORBIDDEN, Forbidden),
        (ProblemReason.HOST_MISMATCH, HostMismatch),
        (ProblemReason.VERSION, VersionMismatch),
        (ProblemReason.CONFLICT, ProblemAnswer),
        (ProblemReason.UNAVAILABLE, ProblemAnswer),
    ],
)
async def test_a_problem_becomes_the_error_of_its_reason(reason, kind):
    problem = Problem(reason=reason, message="Say please.", state="running", expected_offset=3)
    speaking, _ = client(httpx.Response(409, content=problem.model_dump_json(), headers={"Retry-After": "7"}))
    with pytest.raises(kind, match=r"Say please\.") as refused:
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])
    assert type(refused.value) is kind
    assert refused.value.problem == problem
    assert (refused.value.status, refused.value.retry_after_seconds) == (409, 7)


@pytest.mark.parametrize(
    "foreign",
    [
        httpx.Response(200, html="<html>Please log in</html>"),
        httpx.Response(200, html="<html>secret-in-the-page</html>", headers=VERSION),
        httpx.Response(200, json={"next_offset": 1}),
        httpx.Response(200, content=b'{"directives":', headers=VERSION),
        httpx.Response(200, content=b"", headers=VERSION),
        httpx.Response(200, json={"directives": 3}, headers=VERSION),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(401, html="<html>who are you</html>"),
        httpx.Response(302, headers={"Location": "https://login.example/?secret-in-the-page"}),
        httpx.Response(503, json={"reason": "of another kind", "message": "x"}),
    ],
    ids=["html", "html-of-ours", "no-version", "half", "empty", "other", "404", "401", "302", "503"],
)
async def test_an_answer_that_is_no_queue_apis_is_told_without_its_text(foreign):
    speaking, _ = client(foreign)
    with pytest.raises(UndecodableAnswer) as refused:
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])
    assert refused.value.status == foreign.status_code
    assert "secret-in-the-page" not in str(refused.value)


async def test_a_redirect_names_where_it_leads():
    speaking, _ = client(httpx.Response(302, headers={"Location": "https://login.example/path?x=1"}))
    with pytest.raises(UndecodableAnswer, match=r"leads to https://login.example/path$"):
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])


@pytest.mark.parametrize("version", ["2", "x", "1.0"])
async def test_an_answer_in_another_version_is_not_read(version):
    speaking, _ = client(ok("BeatAnswer", headers={VERSION_HEADER: version}))
    with pytest.raises(VersionMismatch, match=f"answers in protocol version {version}"):
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        ssl.SSLError("an alert behind the handshake"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("half a body"),
        httpx.ProxyError("407"),
        httpx.PoolTimeout(""),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_no_answer_is_unreachable_whatever_the_cause(failure):
    speaking, _ = client(failure)
    with pytest.raises(Unreachable) as missed:
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])
    assert missed.value.__cause__ is failure
    assert str(missed.value) != "no answer: "


async def test_a_broken_encoding_is_an_answer_of_somebody_else():
    speaking, _ = client(httpx.DecodingError("gzip"))
    with pytest.raises(UndecodableAnswer):
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)])
async def test_retry_after_is_read_in_seconds_and_never_by_this_hosts_clock(value, seconds):
    speaking, _ = client(httpx.Response(503, headers={"Retry-After": value}))
    with pytest.raises(UndecodableAnswer) as refused:
        await speaking.heartbeat(SESSION, MESSAGES["Beat"])
    assert refused.value.retry_after_seconds == seconds


async def test_every_error_is_one_of_the_agents_own():
    speaking, _ = client(httpx.ConnectError("x"))
    with pytest.raises(AgentError):
        await speaking.leave(SESSION)


@pytest.mark.parametrize(
    ("interval_seconds", "deadline"), [(0.1, "1 s"), (5.0, "2 s"), (10.0, "4 s"), (3600.0, "30 s")]
)
async def test_a_lone_beat_that_gets_stuck_leaves_the_time_for_another(monkeypatch, interval_seconds, deadline):
    monkeypatch.setattr(asyncio, "timeout", at_once)
    limits = SESSION.limits.model_copy(update={"heartbeat_seconds": interval_seconds})
    with pytest.raises(Unreachable, match=f"no whole answer within {deadline}$"):
        await stuck().heartbeat(SESSION.model_copy(update={"limits": limits}), MESSAGES["Beat"])


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"heartbeat"}))
async def test_every_exchange_has_a_deadline(monkeypatch, verb):
    """A poll's begins when the server may no longer hold it."""
    monkeypatch.setattr(asyncio, "timeout", at_once)
    _, ask, _ = VERBS[verb]
    seconds = 30 + (MESSAGES["Poll"].wait_seconds if verb == "poll" else 0)
    with pytest.raises(Unreachable, match=f"no whole answer within {seconds:g} s$"):
        await ask(stuck())


def stuck():
    """Make a client whose requests are never answered."""

    async def handle(request):
        await asyncio.Event().wait()

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="https://airflow/edge_agent/v1")
    return QueueClient(http, "h1", HostKey.fresh())


def at_once(seconds, *, timeout=asyncio.timeout):
    """Be :func:`asyncio.timeout`, with no patience at all."""
    return timeout(0)


FIELDS = sorted({name for message in MESSAGES.values() for name in type(message).model_fields})
BODIES = (
    st.binary(max_size=60)
    | (JSON_VALUES | st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES)).map(json.dumps).map(str.encode)
    | st.sampled_from([message.model_dump_json().encode() for message in MESSAGES.values()])
)
WORDS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=20) | st.just("9" * 5000)
HEADERS = st.dictionaries(st.sampled_from(["Retry-After", "Content-Type", "Location", VERSION_HEADER]), WORDS)


@given(st.sampled_from(sorted(VERBS)), st.integers(200, 599), HEADERS, BODIES)
def test_any_answer_whoever_gave_it_is_a_message_or_an_error_of_the_queue_api(verb, status, headers, body):
    _, ask, _ = VERBS[verb]
    speaking, _ = client(httpx.Response(status, headers=VERSION | headers, content=body))
    try:
        answered = asyncio.run(ask(speaking))
    except QueueApiError as error:
        refused = error
    else:
        assert isinstance(answered, Answer)
        return
    assert str(refused)
    assert refused.retry_after_seconds is None or refused.retry_after_seconds >= 0


async def test_what_is_not_there_is_not_sent():
    """A server of the release before refuses a field that it does not know, also one that holds nothing."""
    asking, asked = client(ok("BeatAnswer"))
    await asking.heartbeat(SESSION, MESSAGES["Beat"].model_copy(update={"capabilities": None, "figures": None}))
    sent = json.loads(asked[0].content)
    assert set(sent) == {"number", "held", "free_slots", "health"}
