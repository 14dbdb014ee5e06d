"""Registering, being heard, leaving; and what each refusal says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.secrets import new_secret
from edge_agent.protocol import VERSION_HEADER, EndReason, routes
from tests.integration.api.conftest import Agent
from tests.support.waiting import wait_until


def test_registration_answers_what_the_agent_needs_to_know(agent: Agent) -> None:
    opened = agent.register()

    assert opened["limits"]["heartbeat_seconds"] == 1
    assert "EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor" in opened["airflow"]["executor"]
    assert opened["airflow"]["default_queue"] == "default"
    assert not opened["directives"]["cordoned"]


def test_every_answer_says_which_protocol_it_speaks(agent: Agent) -> None:
    assert agent.ask(routes.poll("x"), token="x").headers[VERSION_HEADER] == "1"


def test_an_unknown_protocol_version_is_refused_with_what_to_upgrade(http: httpx.Client) -> None:
    for headers in ({}, {VERSION_HEADER: "99"}, {VERSION_HEADER: "one"}):
        answer = http.post(routes.PREFIX + routes.session("a"), json={}, headers=headers)
        assert answer.status_code == httpx.codes.UPGRADE_REQUIRED
        assert answer.json()["reason"] == "version"
        assert "Upgrade" in answer.json()["message"]


def test_a_wrong_token_is_refused_whatever_is_wrong_with_it(agent: Agent) -> None:
    for wrong in ("nonsense", agent.token + "x", agent.token.replace("eat_", "eas_")):
        answer = agent.ask(routes.session("a"), _registration(agent), token=wrong)
        assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated"), answer.text


def test_no_token_is_refused(http: httpx.Client) -> None:
    answer = http.post(routes.PREFIX + routes.CONFIRM, json={}, headers={VERSION_HEADER: "1"})
    assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated")


def test_a_token_that_does_not_allow_the_queue_says_which_it_allows(agent: Agent, database: Session) -> None:
    agent.token = tokens.create(database, f"only-{agent.name}", Allowance(queues=["gpu"])).get_secret_value()
    database.commit()

    answer = agent.ask(routes.session(agent.name), _registration(agent), token=agent.token)

    assert (answer.status_code, answer.json()["reason"]) == (403, "forbidden")
    assert "it allows gpu" in answer.json()["message"]


def test_a_misspelt_field_is_named(agent: Agent) -> None:
    answer = agent.ask(routes.session(agent.name), _registration(agent) | {"quues": []}, token=agent.token)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid")
    assert "quues" in answer.json()["message"]


def test_a_bad_agent_name_is_refused(agent: Agent) -> None:
    answer = agent.ask(routes.session("has space"), _registration(agent), token=agent.token)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


def test_revoking_a_token_ends_the_sessions_it_opened(agent: Agent, database: Session) -> None:
    agent.register()
    name = tokens.authenticate(database, agent.token, agent.name, [agent.queue]).name
    assert tokens.revoke(database, name) == 1
    database.commit()

    answer = agent.ask(routes.heartbeat(agent.name), {"number": 1, "free_slots": 1})

    assert (answer.status_code, answer.json()["reason"]) == (409, "session_ended")
    again = agent.ask(routes.session(agent.name), _registration(agent), token=agent.token)
    assert "revoked" in again.json()["message"]


def test_another_process_under_the_same_name_supersedes_the_first(agent: Agent) -> None:
    """The older one must stop, not register again: two would take the name from each other for ever."""
    agent.register()
    newer = Agent(agent.http, agent.token, agent.name)
    newer.register()

    answer = agent.ask(routes.heartbeat(agent.name), {"number": 1, "free_slots": 1})

    assert (answer.status_code, answer.json()["reason"]) == (409, "superseded")
    assert newer.beat() is not None


def test_the_same_process_registering_again_is_not_superseded_by_itself(agent: Agent) -> None:
    agent.register()
    before = agent.session_token
    agent.register()
    answer = agent.ask(routes.heartbeat(agent.name), {"number": 1, "free_slots": 1}, token=before)
    assert answer.json()["reason"] == "session_ended"


def test_a_session_speaks_for_its_own_agent_only(agent: Agent) -> None:
    agent.register()
    beat = {"number": 1, "free_slots": 1}
    assert agent.ask(routes.heartbeat("somebody-else"), beat).status_code == httpx.codes.NOT_FOUND


def test_a_session_with_another_secret_is_none(agent: Agent) -> None:
    """A session's id is no secret: it stands in logs."""
    agent.register()
    kind, session_id, _ = agent.session_token.split("_", 2)
    guessed = new_secret(kind, session_id).value.get_secret_value()
    ending = {"assignment_id": str(uuid4()), "state": "succeeded", "reason": "exit", "log_bytes": 0}
    asked: dict[str, Any] = {
        routes.heartbeat(agent.name): {"number": 1, "free_slots": 1},
        routes.poll(agent.name): {"free_slots": 1, "wait_seconds": 0},
        routes.CONFIRM: {"assignments": [str(uuid4())]},
        routes.RENEW: {"assignments": [str(uuid4())]},
        routes.REPORT: {"endings": [ending]},
    }
    agent.poll(wait_seconds=0)  # what is remembered of the session is not for whoever knows its id either
    answers = {path: agent.ask(path, body, token=guessed) for path, body in asked.items()}
    answers["logs"] = agent.ask(routes.logs(uuid4()), params={"offset": 0}, content=b"x", token=guessed)
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 409)
    assert {answer.json()["reason"] for answer in answers.values()} == {"session_ended"}


def test_a_poll_says_what_was_taken_from_an_agent_before_it_offers_more(
    agent: Agent, submit: Callable[..., UUID], database: Session
) -> None:
    """An agent ends that first. An offer in the same answer would be begun beside it."""
    agent.register()
    job_id = submit(agent)
    taken = agent.poll()["offers"][0]["assignment_id"]
    agent.confirm(taken)
    assignments.lose(database, JobRow.id == job_id, EndReason.AGENT_LOST, "taken by the test")
    database.commit()
    submit(agent)
    beat = {"number": next(agent.beats), "free_slots": 3, "held": [taken]}
    answer = agent.ask(routes.poll(agent.name), {"free_slots": 3, "wait_seconds": 5, "beat": beat}).json()
    assert (answer["directives"]["drop"], answer.get("offers", [])) == ([taken], [])


def test_an_agent_that_leaves_is_offline_and_its_session_is_over(
    agent: Agent, agent_row: Callable[[Agent], AgentRow]
) -> None:
    agent.register()
    for _ in range(2):  # the first answer may have been lost
        left = agent.ask(routes.session(agent.name), method="DELETE")
        assert left.status_code == httpx.codes.NO_CONTENT
    assert agent_row(agent).state == "offline"
    assert agent.ask(routes.poll(agent.name), {"free_slots": 1, "wait_seconds": 0}).status_code == 409


def test_a_silent_agent_is_lost_after_three_intervals_and_may_come_back(
    agent: Agent, agent_row: Callable[[Agent], AgentRow]
) -> None:
    agent.register()
    wait_until(lambda: agent_row(agent).state == "lost", what="the reaper marks it lost", timeout=30)

    answer = agent.ask(routes.heartbeat(agent.name), {"number": 1, "free_slots": 1})

    assert answer.json()["reason"] == "session_ended"
    assert "not heard from" in answer.json()["message"]
    agent.register()
    assert agent_row(agent).state == "connected"


def test_a_poll_that_carries_a_beat_keeps_the_agent(agent: Agent, agent_row: Callable[[Agent], AgentRow]) -> None:
    agent.register()
    first = agent_row(agent).last_seen_at
    agent.poll(wait_seconds=0.1, beat=True)
    assert agent_row(agent).last_seen_at > first
    assert agent_row(agent).beat == 1


def test_health_needs_no_token_and_tells_only_what_this_is(http: httpx.Client) -> None:
    assert set(http.get(routes.PREFIX + routes.HEALTH).json()) == {"service", "version"}


def _registration(agent: Agent) -> dict[str, object]:
    return {
        "instance": str(agent.instance),
        "hostname": "host",
        "queues": [agent.queue],
        "kinds": ["command"],
        "slots": 1,
        "capabilities": {},
        "versions": {"agent": "0.1.0", "python": "3.11.7"},
    }
