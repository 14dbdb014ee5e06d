"""The API against its own description: whatever is asked by whomever, it never fails, and tells nobody too much.

Requests are made of the description, right and wrong ones, the same in every run; of those that break something the
smallest is shown. The server is in this process.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from airflow_plugin import bundle
from tests.integration.api.matrix import MATRIX
from tests.support.in_process_api import PLANTED, InProcessApi, Stage, in_process_api
from tests.support.postgres import Postgres

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 40
"""For each route: together what a minute has room for."""

ROUTES = sorted(MATRIX, key=str)
OTHERS = ("another agent's session", "another submit token")


@pytest.fixture(scope="module")
def api(postgres: Postgres, postgres_template: str) -> Iterator[InProcessApi]:
    """Give the API on Postgres, which takes less than SQLite does."""
    with postgres.database(postgres_template) as url, in_process_api(url) as served:
        yield served


@pytest.fixture(scope="module")
def description(api: InProcessApi) -> schemathesis.BaseSchema:
    """Give the description, as it stands in the docs."""
    return schemathesis.openapi.from_dict(api.app.openapi())


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_every_answer_is_one_that_is_described_and_nobody_gets_what_is_not_his(
    api: InProcessApi, description: schemathesis.BaseSchema, route: tuple[str, str]
) -> None:
    method, path = route
    stage = Stage()
    expected = MATRIX[route].expected
    meant = [who for who in stage.credentials if expected[who] < httpx.codes.BAD_REQUEST]
    operation = description[path][method]
    right, wrong = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(right, wrong), st.sampled_from(meant) | st.sampled_from(stage.credentials), st.booleans())
    def ask(case: schemathesis.Case, credential: str, of_the_stage: bool) -> None:
        if of_the_stage:
            _name_what_there_is(case, stage, path)
        answer = _send(api, case, stage.auth(credential))
        note(f"{credential} asked: {case.as_curl_command()}\nanswer: {answer.status_code} {answer.text}")
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
        case.validate_response(answer, checks=CHECKS)
        if credential not in meant:
            assert answer.status_code >= httpx.codes.BAD_REQUEST
        if credential not in meant or credential in OTHERS:
            assert PLANTED not in answer.text

    ask()


def _name_what_there_is(case: schemathesis.Case, stage: Stage, path: str) -> None:
    """Let the request be about the agent, token and job of the stage."""
    real = {"name": stage.token if "/tokens/" in path else stage.agent}
    real |= {"assignment_id": stage.assignment, "job_id": stage.job, "file": bundle.ICON}
    case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
    if isinstance(case.body, dict):
        if isinstance(case.body.get("commands"), list) and path.endswith("/watch"):
            case.body["commands"] = [{"id": stage.job}]
        if isinstance(case.body.get("assignments"), list):
            case.body["assignments"] = [stage.assignment]
        endings = case.body.get("endings")
        for ending in endings if isinstance(endings, list) else ():
            if isinstance(ending, dict):
                ending["assignment_id"] = stage.assignment


def _send(api: InProcessApi, case: schemathesis.Case, auth: httpx.Auth) -> httpx.Response:
    """Send what was made, byte for byte as it would go over a socket."""
    arguments = case.as_transport_kwargs(base_url="http://in-process")
    known = ("method", "url", "headers", "params", "data", "json", "cookies")
    made = requests.Request(**{name: arguments[name] for name in known if name in arguments}).prepare()
    assert made.method is not None
    assert made.url is not None
    return api.ask(made.method, made.url, content=made.body or b"", headers=dict(made.headers), auth=auth)
