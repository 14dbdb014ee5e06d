"""The queue API in this process, on a database of its own, with somebody of every kind: fast enough to ask thousands.

No duties run: nobody is lost and nothing expires while one asks.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import pytest
from airflow.api_fastapi.app import create_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from sqlalchemy import select, true, update
from sqlalchemy.orm import Session

from airflow_plugin import clock, transactions
from airflow_plugin.api.app import create_app
from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue import agents, assignments, jobs, offers, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.secrets import new_secret
from edge_agent.host_key import HostKey
from edge_agent.protocol import VERSION_HEADER, JobKind, Proof, Registration, Versions
from edge_agent.protocol.secrets import SESSION_TOKEN
from tests.support.host_proof import THIS_HOST, HostProof
from tests.support.queue_bed import ASKS_FROM
from tests.support.workloads import airflow_on

MOST = 10**9
CONFIG = QueueConfig(requests_per_minute=MOST, failed_logins_per_minute=MOST, poll_seconds=0.01, max_tokens=MOST)
PLANTED = "planted-7f3a"
"""Stands in what the queue knows of the agent of a stage and of its job, and in no request."""
KEY = Proof.parse(THIS_HOST.prove("", "", b"", "")).key
"""The key of every agent of a stage, so that nothing but its token tells one from another."""

_NUMBERS = itertools.count(1)


class InProcessApi:
    """The app and a client of it."""

    def __init__(self) -> None:
        self.app = create_app(CONFIG)
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://in-process")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send a request and return its answer, a defect's too."""
        return self._runner.run(self._client.request(method, url, **request))


class Shown(HostProof):
    """Shows a token, proven by a host's key, or nothing."""

    def __init__(self, token: str, host_key: HostKey) -> None:
        super().__init__(token, host_key)
        self._is_shown = bool(token)

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # no answers
        """Add the headers."""
        request.headers[VERSION_HEADER] = "1"
        if self._is_shown:
            yield from super().auth_flow(request)
        else:
            yield request


class Stage:
    """An agent with a running job, another with its own, a token, and one of every kind who may ask.

    The names of credentials are those of the matrix.
    """

    def __init__(self) -> None:
        self.agent, self.token = f"agent-{next(_NUMBERS)}", f"token-{next(_NUMBERS)}"
        session, self.job, self.assignment = _running_job(self.agent, PLANTED)
        other, *_ = _running_job(f"other-{self.agent}", "its own")
        self._shown = {
            "nothing": "",
            "garbage": "garbage",
            "an agent token": _token(self.token),
            "an agent token of another name": _token(f"else-{self.token}", Allowance(agents=["somebody-else"])),
            "an expired agent token": _expired(f"expired-{self.token}"),
            "a revoked agent token": _revoked(f"revoked-{self.token}"),
            "a made-up session": new_secret(SESSION_TOKEN, uuid4().hex).value.get_secret_value(),
            "a session of a revoked token": _ended(f"ended-{self.agent}", "its own"),
            "a submit token": _submits(f"submit-{self.token}", self.job),
            "another submit token": _token(f"other-submit-{self.token}", Allowance(kind=TokenKind.SUBMIT)),
            "a revoked submit token": _revoked(f"revoked-submit-{self.token}", Allowance(kind=TokenKind.SUBMIT)),
            "the agent's session": session,
            "another agent's session": other,
            "a viewer": _login("viewer"),
            "a user": _login("user"),
            "an op": _login("op"),
            "an admin": _login("admin"),
        }
        self.credentials = tuple(self._shown)

    def auth(self, credential: str) -> httpx.Auth:
        """Return what makes a request one with this credential: the only place where that is decided."""
        return Shown(self._shown[credential], THIS_HOST)


def _running_job(name: str, words: str) -> tuple[str, str, str]:
    """Register an agent, let it confirm a job, and return session token, job and assignment."""

    def work(session: Session) -> tuple[str, str, str]:
        tokens.create(session, f"of-{name}")
        token = next(row for row in tokens.listed(session) if row.name == f"of-{name}")
        opened = agents.register(
            session, name, _registration(name, words), token=token, **ASKS_FROM | {"host_key": KEY}
        )
        placement = Placement(f"of-{name}", None, {})
        job = jobs.NewJob(kind=JobKind.COMMAND, placement=placement, payload={"command": [words]}, label=words)
        job_id = jobs.submit(session, job, CONFIG)
        session.flush()
        claimant = offers.Claimant(name, opened.session_id, 4, 4)
        (offer,) = offers.offer(session, claimant, [placement.key], limit=1, offer_seconds=600)
        ids: list[UUID] = [offer.assignment_id]
        assignments.confirm(session, agent=name, session_id=opened.session_id, ids=ids, wanted=true())
        return opened.secret.value.get_secret_value(), str(job_id), str(offer.assignment_id)

    return transactions.run(work)


def _registration(name: str, hostname: str) -> Registration:
    return Registration(
        instance=uuid4(),
        hostname=hostname,
        queues=(f"of-{name}",),
        kinds=(JobKind.COMMAND,),
        slots=4,
        capabilities={},
        versions=Versions(agent="1", python="3.11"),
    )


def _token(name: str, allowance: Allowance | None = None) -> str:
    return transactions.run(lambda session: tokens.create(session, name, allowance)).get_secret_value()


def _expired(name: str) -> str:
    value = _token(name)
    over = update(TokenRow).where(TokenRow.name == name).values(expires_at=clock.in_seconds(-1))
    transactions.run(lambda session: session.execute(over))
    return value


def _submits(name: str, job: str) -> str:
    """Return a submit token that a job was submitted with."""
    value = _token(name, Allowance(kind=TokenKind.SUBMIT))
    token_id = select(TokenRow.id).where(TokenRow.name == name).scalar_subquery()
    mine = update(JobRow).where(JobRow.id == UUID(job)).values(submit_token_id=token_id)
    transactions.run(lambda session: session.execute(mine.execution_options(synchronize_session=False)))
    return value


def _revoked(name: str, allowance: Allowance | None = None) -> str:
    value = _token(name, allowance)
    transactions.run(lambda session: tokens.revoke(session, name))
    return value


def _ended(name: str, words: str) -> str:
    """Return the session of an agent whose token was revoked."""
    value, *_ = _running_job(name, words)
    transactions.run(lambda session: tokens.revoke(session, f"of-{name}"))
    return value


def _login(role: str) -> str:
    user = SimpleAuthManagerUser(username=f"{role}-of-the-site", role=role)
    return str(create_auth_manager().generate_jwt(user))


@contextmanager
def in_process_api(database_url: str) -> Iterator[InProcessApi]:
    """Serve the queue API on a migrated database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, " * 4)
        with airflow_on(database_url, patch), InProcessApi() as api:
            create_auth_manager()
            yield api
            purge_cached_app()
