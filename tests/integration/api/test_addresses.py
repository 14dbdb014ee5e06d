"""From where a token may be used, judged on a real server: 127.0.0.2 is a trusted proxy here, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import Allowance
from edge_agent.protocol import VERSION_HEADER, routes
from tests.integration.api.conftest import Agent


@pytest.fixture
def bound(agent: Agent, database: Session) -> Agent:
    """Give an agent whose token is good in 10.1.0.0/16 only."""
    allowance = Allowance(addresses=["10.1.0.0/16"])
    agent.token = tokens.create(database, f"bound-{agent.name}", allowance).get_secret_value()
    database.commit()
    return agent


def register(http: httpx.Client, agent: Agent, forwarded: str | None = None) -> httpx.Response:
    headers = {VERSION_HEADER: "1"}
    headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
    path = routes.PREFIX + routes.session(agent.name)
    return http.post(path, json=agent.registration(), headers=headers, auth=agent.proof(agent.token))


def test_the_address_a_trusted_proxy_saw_is_the_agents(
    proxy: httpx.Client, bound: Agent, agent_row: Callable[[Agent], AgentRow]
) -> None:
    assert register(proxy, bound, "8.8.8.8, ::ffff:10.1.2.3").is_success
    assert agent_row(bound).address == "10.1.2.3"


def test_an_address_outside_is_refused_and_named(proxy: httpx.Client, bound: Agent) -> None:
    cases = [("10.1.2.3, 192.0.2.9", "192.0.2.9"), ("garbage", "an unknown address"), (None, "127.0.0.2")]
    for forwarded, seen in cases:
        answer = register(proxy, bound, forwarded)
        assert (answer.status_code, answer.json()["reason"]) == (403, "forbidden")
        assert f"not allowed from {seen}" in answer.json()["message"]
        assert "trusted_proxies" in answer.json()["message"]


def test_nobody_else_is_believed(http: httpx.Client, bound: Agent) -> None:
    answer = register(http, bound, "10.1.2.3")
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "not allowed from 127.0.0.1" in answer.json()["message"]
