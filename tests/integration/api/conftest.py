"""A real API server on a real Postgres, spoken to over its socket, with nobody else at the queue."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import jobs, tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.host_key import HostKey
from edge_agent.protocol import VERSION_HEADER, JobKind, routes
from tests.support.airflow_bed import AirflowBed
from tests.support.host_proof import THIS_HOST, HostProof
from tests.support.postgres import Postgres

NUMBERS = itertools.count(1)
REQUESTS, FAILED_LOGINS, BODY_LIMIT, HELD_POLLS = 500, 200, 1_000_000, 20
"""Limits of the server here."""

ROLES = {"vera": "viewer", "ursula": "user", "olga": "op", "anna": "admin"}
"""Who has which of Airflow's roles. The password is the name and ``-secret``."""


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test the time in which an API server starts on a busy machine."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


Login = Callable[[str], dict[str, str]]


def logging_in(bed: AirflowBed) -> Login:
    """Return a function that logs a user in to an Airflow and returns the header to send."""

    @cache
    def login(user: str) -> dict[str, str]:
        body = {"username": user, "password": f"{user}-secret"}
        answer = httpx.post(f"{bed.url}/auth/token", json=body, timeout=60)
        assert answer.is_success, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return login


@pytest.fixture(scope="session")
def api_bed(
    postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowBed]:
    """Give an Airflow of which only the API server runs, with a user of each role."""
    home = tmp_path_factory.mktemp("api")
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-secret" for name in ROLES}), encoding="utf-8")
    settings = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{n}:{r}" for n, r in ROLES.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__EDGE_AGENT__HEARTBEAT_SECONDS": "1",
        "AIRFLOW__EDGE_AGENT__OFFER_SECONDS": "2",
        "AIRFLOW__EDGE_AGENT__LOG_CHUNK_BYTES": "1000",
        "AIRFLOW__EDGE_AGENT__LOG_LIMIT_BYTES": "2500",
        "AIRFLOW__EDGE_AGENT__LOG_BYTES_PER_MINUTE": "4000",
        "AIRFLOW__EDGE_AGENT__TRUSTED_PROXIES": "127.0.0.2, ::1",
        "AIRFLOW__EDGE_AGENT__MAX_TOKENS": "10000",
        "AIRFLOW__EDGE_AGENT__REQUESTS_PER_MINUTE": str(REQUESTS),
        "AIRFLOW__EDGE_AGENT__FAILED_LOGINS_PER_MINUTE": str(FAILED_LOGINS),
        "AIRFLOW__EDGE_AGENT__BODY_LIMIT_BYTES": str(BODY_LIMIT),
        "AIRFLOW__EDGE_AGENT__MAX_HELD_POLLS": str(HELD_POLLS),
    }
    with postgres.database(postgres_template) as url:
        bed = AirflowBed(home / "airflow", url, settings=settings)
        try:
            yield bed.start("api-server")
        finally:
            bed.__exit__()


@pytest.fixture(scope="session")
def login(api_bed: AirflowBed) -> Login:
    """Give a function that logs a user in and returns the header to send."""
    return logging_in(api_bed)


@pytest.fixture(scope="session")
def engine(api_bed: AirflowBed) -> Iterator[Engine]:
    """Give the database the API server works on."""
    url = api_bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    engine = create_engine(url, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Iterator[Session]:
    """Give a session on it."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@dataclass
class Agent:
    """An agent as the wire sees one. Its name and its queue are its own."""

    http: httpx.Client
    token: str
    name: str = field(default_factory=lambda: f"agent-{next(NUMBERS)}")
    session_token: str = ""
    beats: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    instance: UUID = field(default_factory=uuid4)
    host_key: HostKey = THIS_HOST

    @property
    def queue(self) -> str:
        """The one queue it serves."""
        return f"queue-of-{self.name}"

    def ask(self, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> httpx.Response:
        """Post with the session token, or another."""
        asked: dict[str, Any] = {"method": "POST", "auth": self.proof(token), **more}
        return self.http.request(url=routes.PREFIX + path, json=body, headers={VERSION_HEADER: "1"}, **asked)

    def proof(self, token: str | None = None) -> HostProof:
        """Return what shows the session token, or another, and proves whose request it is."""
        return HostProof(token or self.session_token, self.host_key)

    def registration(self, **changed: Any) -> dict[str, Any]:
        """Return what it registers with."""
        return {
            "instance": str(self.instance),
            "hostname": "host",
            "queues": [self.queue],
            "kinds": ["command"],
            "slots": 4,
            "capabilities": {"os": "linux"},
            "versions": {"agent": "0.1.0", "python": "3.11.7"},
        } | changed

    def register(self, **changed: Any) -> dict[str, Any]:
        """Open a session."""
        answer = self.ask(routes.session(self.name), self.registration(**changed), token=self.token)
        assert answer.status_code == httpx.codes.OK, answer.text
        opened: dict[str, Any] = answer.json()
        self.session_token = opened["token"]
        return opened

    def poll(self, free_slots: int = 4, wait_seconds: float = 5, *, beat: bool = False) -> dict[str, Any]:
        """Poll, and return the answer."""
        body: dict[str, Any] = {"free_slots": free_slots, "wait_seconds": wait_seconds}
        if beat:
            body["beat"] = {"number": next(self.beats), "free_slots": free_slots}
        answer = self.ask(routes.poll(self.name), body)
        assert answer.status_code == httpx.codes.OK, answer.text
        polled: dict[str, Any] = answer.json()
        return polled

    def beat(self, *held: str, number: int | None = None) -> dict[str, Any]:
        """Beat, and return the directives."""
        body = {"number": number or next(self.beats), "free_slots": 4, "held": list(held)}
        answer = self.ask(routes.heartbeat(self.name), body)
        assert answer.status_code == httpx.codes.OK, answer.text
        directives: dict[str, Any] = answer.json()["directives"]
        return directives

    def confirm(self, *ids: str) -> dict[str, Any]:
        """Confirm, and return the answer."""
        answer = self.ask(routes.CONFIRM, {"assignments": list(ids)})
        assert answer.status_code == httpx.codes.OK, answer.text
        confirmed: dict[str, Any] = answer.json()
        return confirmed

    def report(self, *assignments: str, state: str = "succeeded", reason: str = "exit") -> dict[str, Any]:
        """Report that some ended alike, and return the answer."""
        ending = {"state": state, "reason": reason, "log_bytes": 0}
        answer = self.ask(routes.REPORT, {"endings": [ending | {"assignment_id": each} for each in assignments]})
        assert answer.status_code == httpx.codes.OK, answer.text
        reported: dict[str, Any] = answer.json()
        return reported


@pytest.fixture
def http(api_bed: AirflowBed) -> Iterator[httpx.Client]:
    """Give a client of the queue API."""
    with httpx.Client(base_url=api_bed.url + routes.MOUNT, timeout=60) as client:
        yield client


@pytest.fixture
def proxy(api_bed: AirflowBed) -> Iterator[httpx.Client]:
    """Give a client that asks from the address of the trusted proxy."""
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=api_bed.url + routes.MOUNT, transport=transport, timeout=60) as client:
        yield client


@pytest.fixture
def agent(http: httpx.Client, database: Session) -> Agent:
    """Give an agent that has a token and has not registered."""
    secret = tokens.create(database, f"token-{next(NUMBERS)}")
    database.commit()
    return Agent(http, secret.get_secret_value())


@pytest.fixture
def submit(database: Session) -> Callable[..., UUID]:
    """Give a function that queues a command for an agent and returns the job's id."""

    def submit(agent: Agent, **changed: Any) -> UUID:
        placement = Placement(agent.queue, None, changed.pop("requires", {}))
        job = jobs.NewJob(
            kind=JobKind.COMMAND, placement=placement, payload={"command": ["true"]}, label="a job", **changed
        )
        job_id = jobs.submit(database, job, QueueConfig())
        database.commit()
        return job_id

    return submit


@pytest.fixture
def running(agent: Agent, submit: Callable[..., UUID]) -> tuple[str, UUID]:
    """Give a job that the agent has confirmed: its assignment and its id."""
    agent.register()
    job_id = submit(agent)
    assignment = agent.poll()["offers"][0]["assignment_id"]
    assert agent.confirm(assignment)["confirmed"]
    return assignment, job_id


@pytest.fixture
def job(engine: Engine) -> Callable[[UUID], JobRow]:
    """Give a function that reads a job as it stands now."""

    def job(job_id: UUID) -> JobRow:
        with Session(engine) as session:
            return session.execute(select(JobRow).where(JobRow.id == job_id)).scalar_one()

    return job


@pytest.fixture
def agent_row(engine: Engine) -> Callable[[Agent], AgentRow]:
    """Give a function that reads an agent as it stands now."""

    def agent_row(agent: Agent) -> AgentRow:
        with Session(engine) as session:
            return session.execute(select(AgentRow).where(AgentRow.name == agent.name)).scalar_one()

    return agent_row
