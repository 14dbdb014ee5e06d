"""What an admin sees and decides over HTTP: Airflow's login, Airflow's permissions, an audit row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue.signing_keys import signing_keys
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent

UI = routes.PREFIX + "/ui"
WRITES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("PUT", "/agents/{agent}/cordon", {"reason": "because"}),
    ("DELETE", "/agents/{agent}/cordon?reason=because", None),
    ("PUT", "/agents/{agent}/drain", {"reason": "because"}),
    ("PUT", "/agents/{agent}/stop", {"reason": "because"}),
    ("PUT", "/agents/{agent}/settings", {"slots": 2, "queues": None, "reason": "because"}),
    ("POST", "/tokens", {"name": "of-{agent}", "description": "because"}),
    ("POST", "/tokens/of-{agent}/rotate", {"reason": "because"}),
    ("DELETE", "/tokens/of-{agent}?reason=because", None),
    ("POST", "/jobs/{job}/cancel", {"reason": "because"}),
    ("DELETE", "/agents/{agent}?reason=because", None),
]


@pytest.mark.parametrize("user", ["olga", "anna"])
def test_an_operator_steers_and_each_write_leaves_an_audit_row(
    http: httpx.Client,
    agent: Agent,
    submit: Callable[..., UUID],
    login: Callable[[str], dict[str, str]],
    engine: Engine,
    user: str,
) -> None:
    agent.register()
    names = {"agent": agent.name, "job": submit(agent)}
    with Session(engine) as session:
        before = session.scalar(text("SELECT coalesce(max(id), 0) FROM log"))
    for method, path, body in WRITES:
        named = {key: value.format(**names) if isinstance(value, str) else value for key, value in (body or {}).items()}
        answer = http.request(method, UI + path.format(**names), json=named, headers=login(user))
        assert answer.is_success, (method, path, answer.text)
    with Session(engine) as session:
        rows = session.execute(
            text("SELECT event, owner, extra FROM log WHERE event LIKE 'edge_agent.%' AND id > :before"),
            {"before": before},
        ).all()
    assert [row.owner for row in rows] == [user] * len(WRITES)
    assert len({row.event for row in rows}) == len(WRITES)
    for row in rows:
        assert "because" in row.extra, row.event
        assert (str(names["job"]) if row.event == "edge_agent.cancel" else agent.name) in row.extra, row.event


def test_a_created_token_registers_and_is_shown_nowhere_again(
    http: httpx.Client, agent: Agent, login: Callable[[str], dict[str, str]], engine: Engine
) -> None:
    headers = login("olga")
    made = http.post(f"{UI}/tokens", json={"name": "shown-once"}, headers=headers).json()
    assert made["server_key"] == signing_keys().published[0].key
    agent.token = made["token"]
    agent.register()

    listed = http.get(f"{UI}/tokens", headers=headers).text

    assert made["token"] not in listed
    assert made["token"].split("_", 2)[2] not in listed
    (row,) = [each for each in http.get(f"{UI}/tokens", headers=headers).json() if each["name"] == "shown-once"]
    assert (row["last_used_by"], row["last_used_address"]) == (agent.name, "127.0.0.1")
    assert row["expires_at"] is not None, "a token that never expires must be asked for"
    with engine.connect() as connection:
        assert made["token"] not in str(connection.execute(text("SELECT extra FROM log")).all())


def test_a_queued_job_says_why_it_waits(
    http: httpx.Client,
    agent: Agent,
    submit: Callable[..., UUID],
    login: Callable[[str], dict[str, str]],
    database: Session,
) -> None:
    headers = login("vera")

    def why() -> str:
        params = {"queue": agent.queue}
        (only,) = http.get(f"{UI}/jobs", params=params, headers=headers).json()["jobs"]
        waiting: str = only["waiting"]
        return waiting

    submit(agent, requires={"gpu": True})
    assert why() == f"no agent serves queue {agent.queue!r}"
    agent.register()
    assert why() == f"1 agent serves queue {agent.queue!r}, none has gpu = true: {agent.name} has no gpu"
    # It does not beat here, and is not to be late for it.
    database.execute(update(AgentRow).where(AgentRow.name == agent.name).values(heartbeat_seconds=60))
    database.commit()
    agent.register(capabilities={"gpu": "a100"})
    assert why() == "about to be offered"
    http.put(f"{UI}/agents/{agent.name}/cordon", json={}, headers=login("olga"))
    assert why() == f"{agent.name}, the only agent that could take it, is cordoned (by olga)"


def test_deleting_an_agent_says_what_became_of_its_work(
    http: httpx.Client,
    agent: Agent,
    submit: Callable[..., UUID],
    login: Callable[[str], dict[str, str]],
    job: Callable[[UUID], JobRow],
) -> None:
    agent.register()
    first, second = submit(agent), submit(agent)
    offers: list[dict[str, Any]] = agent.poll()["offers"]
    agent.confirm(offers[0]["assignment_id"])

    answer = http.delete(f"{UI}/agents/{agent.name}", headers=login("anna"))

    assert answer.json() == {"failed": 1, "returned": 1}
    assert {job(first).state, job(second).state} == {"failed", "queued"}
    assert http.delete(f"{UI}/agents/{agent.name}", headers=login("anna")).status_code == httpx.codes.NOT_FOUND


def test_a_token_is_made_with_all_its_bounds_and_rotated(
    http: httpx.Client, agent: Agent, login: Callable[[str], dict[str, str]]
) -> None:
    headers = login("olga")
    bounds = {
        "description": "of the lab",
        "queues": [agent.queue],
        "agents": ["agent-*"],
        "addresses": ["127.0.0.0/8"],
        "max_agents": 1,
        "one_time": True,
    }
    name = f"bounded-{agent.name}"
    first = http.post(f"{UI}/tokens", json={"name": name, **bounds}, headers=headers).json()["token"]
    rotated = http.post(f"{UI}/tokens/{name}/rotate", json={"overlap_seconds": 0}, headers=headers).json()["token"]

    agent.token = first
    refused = agent.ask(routes.session(agent.name), agent.registration(), token=first)
    assert "was replaced" in refused.json()["message"]
    agent.token = rotated
    agent.register()

    (row,) = [each for each in http.get(f"{UI}/tokens", headers=headers).json() if each["name"] == name]
    assert {key: row[key] for key in bounds} == bounds
    assert (row["enrolled_agent"], row["prefix"]) == (agent.name, rotated.split("_")[1])
    assert http.delete(f"{UI}/tokens/{name}", headers=headers).json() == {"ended_sessions": 1}


def test_a_token_that_makes_no_sense_is_refused_with_the_reason(
    http: httpx.Client, login: Callable[[str], dict[str, str]]
) -> None:
    headers = login("olga")
    for wrong, said in (
        ({"addresses": ["10.0.0.1/8"]}, "is not a network"),
        ({"expires_in_days": 0}, "greater than 0"),
        ({"kind": "master"}, "'agent' or 'submit'"),
        ({"kind": "submit", "one_time": True}, "registers no agents"),
    ):
        answer = http.post(f"{UI}/tokens", json={"name": "wrong", **wrong}, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (422, "invalid"), answer.text
        assert said in answer.json()["message"]
    answer = http.post(f"{UI}/tokens/nobodys/rotate", json={}, headers=headers)
    assert answer.status_code == httpx.codes.NOT_FOUND
