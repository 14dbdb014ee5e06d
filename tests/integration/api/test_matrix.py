"""Every route with every kind of credential, asked on a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from airflow_plugin import bundle, clock
from airflow_plugin.api.app import create_app
from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import submitters, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from airflow_plugin.queue.secrets import new_secret
from edge_agent.host_key import HostKey
from edge_agent.protocol import PROOF_HEADER, routes
from tests.integration.api.conftest import NUMBERS, Agent, Login
from tests.integration.api.matrix import CREDENTIALS, MATRIX, USERS, Row, ask
from tests.support.host_proof import THIS_HOST, HostProof

ROUTES = sorted(MATRIX, key=str)


def test_every_route_of_the_app_has_a_row() -> None:
    """What the app serves, of whatever kind: also what is in no description."""
    served = set()
    for route in create_app(QueueConfig()).routes:
        methods = getattr(route, "methods", None) or {"any"}
        served |= {(method, getattr(route, "path", repr(route))) for method in methods - {"HEAD"}}
    assert served == set(MATRIX)


class Unproven(httpx.Auth):
    """Shows a token, and a proof of anything, if one is given."""

    def __init__(self, token: str, proof: str | None = None) -> None:
        self._headers = {"Authorization": f"Bearer {token}"} | ({PROOF_HEADER: proof} if proof else {})

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # no answers
        """Add the headers."""
        request.headers.update(self._headers)
        yield request


class Cast:
    """An agent with a running job, somebody who has one of everything, and all that may be shown."""

    def __init__(self, agent: Agent, submit: Callable[..., UUID], database: Session) -> None:
        self.agent, self._submit, self._database = agent, submit, database
        agent.register()
        self.job = submit(agent)
        (offer,) = agent.poll()["offers"]
        agent.confirm(offer["assignment_id"])
        self.assignment = offer["assignment_id"]
        self.credentials = self._credentials()

    def _credentials(self) -> dict[str, str]:
        other = self._of(Agent(self.agent.http, self._token()))
        ended = self._of(Agent(self.agent.http, self._token()))
        self._database.execute(update(AgentRow).where(AgentRow.name == ended.name).values(session_hash=None))
        self._database.commit()
        revoked = self._of(Agent(self.agent.http, self._token()))
        tokens.revoke(self._database, self._name_of(revoked.token))
        expired = self._token(expires_in_days=1)
        submits = [self._token(Allowance(kind=TokenKind.SUBMIT)) for _ in range(4)]
        over = [self._name_of(expired), self._of_submit(submits[2]).name]
        tokens.revoke(self._database, self._of_submit(submits[3]).name)
        expiry = update(TokenRow).where(TokenRow.name.in_(over))
        self._database.execute(expiry.values(expires_at=clock.in_seconds(-1)))
        # The job of the agent is a command that the first of them has submitted.
        mine = update(JobRow).where(JobRow.id == self.job)
        self._database.execute(mine.values(submit_token_id=self._of_submit(submits[0]).id))
        shown = {
            "garbage": "garbage",
            "an agent token": self._token(),
            "an agent token of another name": self._token(Allowance(agents=["somebody-else"])),
            "an expired agent token": expired,
            "a revoked agent token": revoked.token,
            "a submit token": submits[0],
            "another submit token": submits[1],
            "an expired submit token": submits[2],
            "a revoked submit token": submits[3],
            "the agent's session": self.agent.session_token,
            "another agent's session": other.session_token,
            "an ended session": ended.session_token,
            "a session of a revoked token": revoked.session_token,
            "a made-up session": new_secret("eas", uuid4().hex).value.get_secret_value(),
        }
        # Whoever is on this stage has time: what is asked next may come a few seconds later.
        self._database.execute(
            update(AgentRow).values(heartbeat_seconds=60).execution_options(synchronize_session=False)
        )
        self._database.commit()
        return shown

    def shows(self, credential: str) -> httpx.Auth | None:
        """Return what a request with a credential shows of an agent."""
        shown = self.credentials.get(re.sub(r" with(out)? an?.*", "", credential))
        if shown is None:
            return None
        if credential.endswith("without a proof"):
            return Unproven(shown)
        if credential.endswith("something else"):
            return Unproven(shown, THIS_HOST.prove("GET", "/", b"", shown))
        return HostProof(shown, HostKey.fresh() if credential.endswith("another host's proof") else THIS_HOST)

    def _token(self, allowance: Allowance | None = None, **options: Any) -> str:
        secret = tokens.create(self._database, f"cast-{next(NUMBERS)}", allowance, **options)
        self._database.commit()
        return secret.get_secret_value()

    def _name_of(self, token: str) -> str:
        row = tokens.authenticate(self._database, token, "x", [])
        self._database.rollback()
        return row.name

    def _of_submit(self, token: str) -> TokenRow:
        return submitters.authenticate(self._database, token)

    @staticmethod
    def _of(agent: Agent) -> Agent:
        agent.register()
        return agent


@pytest.fixture
def cast(agent: Agent, submit: Callable[..., UUID], database: Session) -> Cast:
    """Give one of everything."""
    return Cast(agent, submit, database)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_each_credential_gets_what_is_its_own(
    proxy: httpx.Client, cast: Cast, login: Login, database: Session, route: tuple[str, str]
) -> None:
    row = MATRIX[route]
    # From an address of its own: so much is refused here that another's limit would be reached.
    proxy.headers["X-Forwarded-For"] = f"10.20.30.{ROUTES.index(route)}"
    if row.body == {"registration": True}:
        row = Row(row.expected, cast.agent.registration(held=[cast.assignment]), row.params)
    got = {}
    for number, credential in enumerate(sorted(CREDENTIALS, key=_may_end_it)):
        headers = login(USERS[credential]) if credential in USERS else {}
        names = {
            "name": _subject(route, cast, database, number),
            "assignment_id": cast.assignment,
            "assignment": cast.assignment,
            "job_id": str(cast.job),
            "new": f"new-{cast.agent.name}-{number}",
            "file": bundle.ICON,
        }
        answer = ask(proxy, route, row, names, cast.shows(credential), **headers)
        got[credential] = answer.status_code
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            assert set(answer.json()) == {"reason", "message"}, answer.text
    assert got == dict(row.expected)


def _may_end_it(credential: str) -> tuple[int, str]:
    """Let the right ones come last: what they do is done."""
    right = ("the agent's session", "an agent token", "an op", "an admin")
    return (right.index(credential) + 1 if credential in right else 0), credential


def _subject(route: tuple[str, str], cast: Cast, database: Session, number: int) -> str:
    """Return whose name stands in the path: an agent, or a token of one's own for each time."""
    if "/tokens/" in route[1]:
        tokens.create(database, f"subject-{cast.agent.name}-{number}")
        database.commit()
        return f"subject-{cast.agent.name}-{number}"
    if route == ("DELETE", "/v1/ui/agents/{name}"):
        Cast._of(one := Agent(cast.agent.http, cast.credentials["an agent token"]))  # noqa: SLF001  its own
        return one.name
    return cast.agent.name


def test_another_agents_batch_changes_nothing_and_tells_nothing(http: httpx.Client, cast: Cast) -> None:
    stranger = cast.shows("another agent's session")
    for path, told in ((routes.CONFIRM, "withdrawn"), (routes.RENEW, "refused"), (routes.REPORT, "refused")):
        route = ("POST", f"/v1{path}")
        answers = []
        for assignment in (cast.assignment, str(uuid4())):
            answer = ask(http, route, MATRIX[route], {"assignment": assignment}, stranger).json()
            answers.append(json.dumps(answer[told]).replace(assignment, "it"))
        assert answers[0] == answers[1], "one that is another's is as one that never was"
    assert cast.agent.report(cast.assignment)["accepted"] == [cast.assignment]
