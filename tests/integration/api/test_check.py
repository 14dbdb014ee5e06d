"""A registration that is only tried: said to be taken or refused as it would be, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, JobRow, SecretRow, TokenRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import Allowance
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed


def check(agent: Agent, **changed: Any) -> httpx.Response:
    body = {
        "instance": str(agent.instance),
        "hostname": "host",
        "queues": [agent.queue],
        "kinds": ["command"],
        "slots": 1,
        "capabilities": {},
        "versions": {"agent": "0.1.0", "python": "3.11.7"},
    }
    return agent.ask(routes.check(agent.name), body | changed, token=agent.token)


@pytest.fixture
def facts(engine: Engine) -> Callable[[Agent], list[Any]]:
    """Give a function that reads everything the queue knows of an agent and of its token."""

    def read(agent: Agent) -> list[Any]:
        with Session(engine) as session:
            queries = (
                select(*AgentRow.__table__.columns).where(AgentRow.name == agent.name),
                select(*JobRow.__table__.columns).where(JobRow.queue == agent.queue),
                select(*TokenRow.__table__.columns)
                .join(SecretRow, SecretRow.token_id == TokenRow.id)
                .where(SecretRow.prefix == agent.token.split("_")[1]),
            )
            return [session.execute(query).all() for query in queries]

    return read


def test_a_new_name_would_be_taken_and_is_not(agent: Agent, facts: Callable[[Agent], list[Any]]) -> None:
    before = facts(agent)
    answer = check(agent)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert set(answer.json()) == {"server_time", "server_keys"}
    assert facts(agent) == before
    assert before[0] == []


def test_a_running_agent_keeps_its_session_and_its_work(
    agent: Agent, submit: Callable[..., UUID], facts: Callable[[Agent], list[Any]]
) -> None:
    """Tried by another process, which holds nothing of what runs."""
    agent.register()
    submit(agent)
    (offer,) = agent.poll()["offers"]
    agent.confirm(offer["assignment_id"])
    submit(agent)
    before = facts(agent)
    newcomer = Agent(agent.http, agent.token, agent.name)
    assert check(newcomer).status_code == httpx.codes.OK
    assert facts(agent) == before
    assert agent.report(offer["assignment_id"])["accepted"] == [offer["assignment_id"]]


def test_what_a_registration_would_be_refused_for_is_said(agent: Agent, database: Session) -> None:
    narrow = Agent(
        agent.http, tokens.create(database, f"gpu-{agent.name}", Allowance(queues=["gpu"])).get_secret_value()
    )
    database.commit()
    answer = check(narrow)
    assert (answer.status_code, answer.json()["reason"]) == (403, "forbidden")
    assert "it allows gpu" in answer.json()["message"]
    unknown = Agent(agent.http, "eat_000000000000_nonsense")
    assert check(unknown).json()["reason"] == "unauthenticated"
    assert check(agent, quues=[]).json()["reason"] == "invalid"


def test_the_command_of_a_host_finds_nothing_wrong(
    api_bed: AirflowBed, agent: Agent, facts: Callable[[Agent], list[Any]], tmp_path: Path
) -> None:
    kind = {"EDGE_AGENT_KINDS": "command"}
    host = AgentHost(tmp_path, url=api_bed.url, name=agent.name, token=agent.token, queues=[agent.queue], settings=kind)
    before = facts(agent)
    done = host.run("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok   registration: '{agent.name}' may register for {agent.queue}" in done.stdout
    assert facts(agent) == before
