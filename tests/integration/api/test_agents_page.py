"""What the page asks of agents, over HTTP: who one is, the list, one of them, its past, and what one may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow
from airflow_plugin.queue import samples, tokens
from airflow_plugin.queue.allowances import Allowance
from edge_agent import __version__
from edge_agent.protocol import routes
from tests.integration.api.conftest import NUMBERS, Agent, Login
from tests.support.waiting import wait_until

UI = routes.PREFIX + "/ui"
THERE = ("healthy", "late")
"""Heartbeats are a second apart here, and a test may take as long."""


@pytest.fixture
def get(http: httpx.Client, login: Login) -> Callable[..., Any]:
    """Give a function that asks as a viewer, and returns the answer."""

    def get(path: str, **params: Any) -> Any:
        answer = http.get(UI + path, params=params, headers=login("vera"))
        assert answer.is_success, answer.text
        return answer.json()

    return get


@pytest.fixture
def put(http: httpx.Client, login: Login) -> Callable[..., httpx.Response]:
    """Give a function that changes something as an operator."""

    def put(agent: Agent, what: str, **body: Any) -> httpx.Response:
        return http.put(f"{UI}/agents/{agent.name}/{what}", json=body, headers=login("olga"))

    return put


@pytest.mark.parametrize(("user", "may"), [("vera", False), ("ursula", False), ("olga", True), ("anna", True)])
def test_everybody_learns_what_one_may_do_before_trying(
    http: httpx.Client, login: Login, user: str, *, may: bool
) -> None:
    me = http.get(f"{UI}/me", headers=login(user)).json()
    assert (me["user"], me["may_steer"], me["may_grant"]) == (user, may, may)
    assert (me["version"], me["base_url_path"]) == (__version__, "")
    assert me["server_time"]


def test_the_list_is_searched_filtered_sorted_and_cut(agent: Agent, get: Callable[..., Any]) -> None:
    agent.register(capabilities={"os": "plan9", "gpu": True})
    found = get("/agents", queue=[agent.queue, "none"], capability=["gpu", "os=plan9"], health=["lost", *THERE])
    assert [each["name"] for each in found["agents"]] == [agent.name]
    assert found["total"] == 1
    assert found["agents"][0]["health_status"] in THERE
    assert found["all"] >= 1
    assert agent.queue in found["queues"]
    assert {"gpu", "os=plan9"} <= set(found["capabilities"])
    assert get("/agents", search=agent.name.upper(), cordoned=True)["total"] == 0
    assert get("/agents", sort="-registered", limit=1)["agents"][0]["name"] == agent.name
    after = get("/agents", search=agent.name, offset=1)
    assert (after["total"], after["agents"]) == (1, [])


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/agents", {"sort": "size"}),
        ("/agents", {"limit": 201}),
        ("/agents", {"limit": 0}),
        ("/agents", {"offset": -1}),
        ("/agents", {"health": "well"}),
        ("/agents", {"search": "x" * 251}),
        ("/agents", {"search": "\x00"}),
        ("/agents", {"colour": "red"}),
        ("/agents/a1/history", {"hours": 25}),
        ("/agents/a1/history", {"hours": 0}),
        ("/agents/a1/history", {"hours": "nan"}),
        ("/agents/a1/events", {"limit": 201}),
        ("/agents/a1/events", {"before": 2**70}),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(
    http: httpx.Client, login: Login, path: str, params: dict[str, Any]
) -> None:
    answer = http.get(UI + path, params=params, headers=login("vera"))
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid"), answer.text
    assert next(iter(params)) in answer.json()["message"]


def test_one_agent_is_seen_or_said_not_to_be_there(
    http: httpx.Client, agent: Agent, get: Callable[..., Any], login: Login
) -> None:
    missing = http.get(f"{UI}/agents/{agent.name}", headers=login("vera"))
    assert (missing.status_code, missing.json()["reason"]) == (404, "not_found")
    assert agent.name in missing.json()["message"]
    agent.register()
    assert get(f"/agents/{agent.name}")["agent"]["own_queues"] == [agent.queue]


def test_how_an_agent_was_is_told_in_minutes(agent: Agent, database: Session, get: Callable[..., Any]) -> None:
    agent.register()
    samples.take(database, QueueConfig())
    database.commit()
    told = get(f"/agents/{agent.name}/history", hours=1)
    assert told["step_seconds"] == 60
    assert [sample["state"] for sample in told["samples"]] == ["connected"]


def test_what_happened_is_told_with_who_did_it_also_of_an_agent_that_is_gone(
    http: httpx.Client, agent: Agent, get: Callable[..., Any], put: Callable[..., httpx.Response], login: Login
) -> None:
    agent.register()
    assert put(agent, "cordon", reason="disk").is_success
    gone = http.delete(f"{UI}/agents/{agent.name}", params={"reason": "sold"}, headers=login("anna"))
    assert gone.is_success
    told = get(f"/agents/{agent.name}/events", limit=2)
    seen = [(event["kind"], event["by"], event["reason"]) for event in told["events"]]
    assert seen == [("deleted", "anna", "sold"), ("cordoned", "olga", "disk")]
    assert told["more"]
    (first,) = get(f"/agents/{agent.name}/events", before=told["events"][-1]["id"])["events"]
    assert first["kind"] == "registered"


def test_other_slots_and_queues_reach_a_waiting_agent_at_once(
    agent: Agent, put: Callable[..., httpx.Response], get: Callable[..., Any]
) -> None:
    agent.register(queues=[agent.queue, "elsewhere"])
    assert put(agent, "settings", slots=9, queues=["elsewhere"], reason="month's end").status_code == 204
    told = agent.poll(wait_seconds=20)["directives"]
    assert (told["slots"], told["queues"]) == (9, ["elsewhere"])
    seen = get(f"/agents/{agent.name}")["agent"]
    assert (seen["slots"], seen["own_slots"], seen["queues"]) == (9, 4, ["elsewhere"])
    assert put(agent, "settings", slots=None, queues=None).status_code == 204
    told = agent.poll(wait_seconds=20)["directives"]
    assert (told["slots"], told["queues"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slots": 0, "queues": None}, "slots"),
        ({"slots": None, "queues": []}, "queues"),
        ({"slots": None, "queues": ["a b"]}, "queues"),
        ({"slots": 2}, "queues"),
        ({"queues": ["a"]}, "slots"),
    ],
)
def test_settings_say_both_and_nothing_that_cannot_be(
    agent: Agent, put: Callable[..., httpx.Response], body: dict[str, Any], field: str
) -> None:
    agent.register()
    answer = put(agent, "settings", **body)
    assert answer.status_code == 422
    assert field in answer.json()["message"]


def test_a_queue_that_an_agents_token_does_not_allow_is_refused_in_a_sentence(
    agent: Agent, database: Session, put: Callable[..., httpx.Response]
) -> None:
    name = f"narrow-{next(NUMBERS)}"
    agent.token = tokens.create(database, name, Allowance(queues=[agent.queue])).get_secret_value()
    database.commit()
    agent.register()
    answer = put(agent, "settings", slots=None, queues=["secret"])
    assert answer.status_code == 403
    assert answer.json()["message"] == f"The agent token {name!r} does not allow queue secret; it allows {agent.queue}."


def test_stopping_an_agent_ends_what_runs_and_offers_nothing_new(
    agent: Agent, running: tuple[str, UUID], put: Callable[..., httpx.Response], job: Callable[[UUID], JobRow]
) -> None:
    assignment, job_id = running
    assert put(agent, "stop", reason="sold", grace_seconds=0).status_code == 204
    wait_until(lambda: assignment in agent.beat(assignment)["cancel"], what="its job is to be ended", timeout=20)
    told = agent.beat(assignment)
    assert (told["drain"], told["cordoned"], told["cordon_reason"]) == (True, True, "sold")
    assert agent.report(assignment, state="cancelled", reason="cancelled")["accepted"]
    assert job(job_id).state == "cancelled"
