from __future__ import annotations

import httpx
import pytest

from edge_agent.task_host.patience import Patience, is_worth_repeating, reason_of

REQUEST = httpx.Request("GET", "https://site.example/execution/variables/password-of-the-bank")


def answer(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError(f"status {status}", request=REQUEST, response=httpx.Response(status, request=REQUEST))


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("half an answer"),
        *map(answer, (429, 500, 501, 502, 503, 504, 507)),
    ],
    ids=repr,
)
def test_what_may_pass_is_worth_repeating(error: Exception):
    assert is_worth_repeating(error)


@pytest.mark.parametrize(
    "error",
    [*map(answer, (302, 400, 401, 403, 404, 409, 410, 422)), ValueError("a bug"), httpx.InvalidURL("x")],
    ids=repr,
)
def test_what_will_not_pass_is_not(error: Exception):
    assert not is_worth_repeating(error)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (httpx.ConnectError("refused"), 100),
        *((answer(status), 100) for status in (429, 502, 503, 504)),
        *((answer(status), 10) for status in (500, 501, 507)),
    ],
    ids=repr,
)
def test_an_api_that_is_away_gets_more_patience_than_one_that_fails(error: Exception, seconds: float):
    assert Patience(away=100, failing=10).with_(error) == seconds


def test_a_reason_is_one_line_without_url_or_body():
    leaky = answer(500)
    leaky.detail = "secret\nmore"  # type: ignore[attr-defined]  # the SDK's error has one
    typed = answer(409)
    typed.detail = {"reason": "invalid_state", "message": "secret"}  # type: ignore[attr-defined]  # the same

    assert reason_of(leaky) == "500 Internal Server Error"
    assert reason_of(typed) == "409 invalid_state"
    assert reason_of(httpx.ConnectError("to password-of-the-bank")) == "no answer (ConnectError)"
