"""A name and a session belong to a host's key: what a copied token gets, and who learns of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from airflow.models.log import Log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from airflow_plugin import clock
from airflow_plugin.models import AgentRow
from edge_agent.host_key import HostKey
from edge_agent.protocol import PROOF_HEADER, VERSION_HEADER, routes
from tests.integration.api.conftest import Agent, Login
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed

BEAT = {"number": 1, "free_slots": 1}


@pytest.fixture
def thief(agent: Agent) -> Agent:
    """Give another host with a copy of the token of an agent, which has registered."""
    agent.register()
    return Agent(agent.http, agent.token, agent.name, agent.session_token, host_key=HostKey.fresh())


@pytest.fixture
def audited(engine: Engine) -> Callable[[str], list[Log]]:
    """Give a function that reads what the audit log has of conflicts of an agent."""

    def audited(name: str) -> list[Log]:
        with Session(engine) as session:
            rows = session.scalars(select(Log).where(Log.event == "edge_agent.host_mismatch"))
            return [row for row in rows if f'"{name}"' in (row.extra or "")]

    return audited


def asks_for_the_name(thief: Agent) -> httpx.Response:
    return thief.ask(routes.session(thief.name), thief.registration(hostname="stolen"), token=thief.token)


def test_a_copied_token_is_refused_with_what_to_do_and_everybody_learns_of_it(
    agent: Agent, thief: Agent, agent_row: Callable[[Agent], AgentRow], audited: Callable[[str], list[Log]]
) -> None:
    for _ in range(2):
        answer = asks_for_the_name(thief)
        assert (answer.status_code, answer.json()["reason"]) == (403, "host_mismatch")
        assert f"airflow edge-agent agents re-enrol {agent.name}" in answer.json()["message"]

    conflict = agent.beat()["host_conflict"]
    assert (conflict["hostname"], conflict["address"], conflict["times"]) == ("stolen", "127.0.0.1", 2)
    assert agent_row(agent).session_id is not None
    (row,) = audited(agent.name)
    assert '"hostname": "stolen"' in (row.extra or "")


def test_a_refused_registration_uses_up_nothing_of_the_token(
    agent: Agent, thief: Agent, agent_row: Callable[[Agent], AgentRow], database: Session
) -> None:
    before = agent_row(agent).registered_at
    asks_for_the_name(thief)
    assert agent_row(agent).registered_at == before
    assert agent_row(agent).hostname == "host"


def test_a_copied_session_token_gets_nothing_and_ends_nothing(
    agent: Agent, thief: Agent, submit: Callable[..., UUID]
) -> None:
    submit(agent)
    agent.poll(wait_seconds=0, beat=True)  # the server remembers this session: not for whoever copies its token
    asked: dict[str, Any] = {
        routes.heartbeat(agent.name): BEAT,
        routes.poll(agent.name): {"free_slots": 1, "wait_seconds": 0},
        routes.CONFIRM: {"assignments": [str(uuid4())]},
        routes.RENEW: {"assignments": [str(uuid4())]},
    }
    answers = [thief.ask(path, body) for path, body in asked.items()]
    answers.append(thief.ask(routes.logs(uuid4()), params={"offset": 0}, content=b"x"))
    answers.append(thief.ask(routes.session(agent.name), method="DELETE"))
    assert {(answer.status_code, answer.json()["reason"]) for answer in answers} == {(401, "unauthenticated")}
    assert agent.beat() is not None


def test_a_captured_request_is_good_for_that_request_only(agent: Agent) -> None:
    agent.register()
    auth = agent.proof()
    sent = agent.http.build_request("POST", routes.PREFIX + routes.heartbeat(agent.name), json=BEAT)
    sent.headers[VERSION_HEADER] = "1"
    sent.read()
    captured = next(auth.auth_flow(sent))
    assert agent.http.send(captured).is_success
    other = {"number": 2, "free_slots": 4}
    headers = {key: captured.headers[key] for key in ("Authorization", PROOF_HEADER, VERSION_HEADER)}
    changed = agent.http.post(routes.PREFIX + routes.heartbeat(agent.name), json=other, headers=headers)
    moved = agent.http.post(routes.PREFIX + routes.poll(agent.name), content=sent.content, headers=headers)
    assert (changed.status_code, moved.status_code) == (401, 401)
    assert "does not prove this request" in changed.json()["message"]


def test_an_agent_too_old_to_prove_anything_is_told_to_be_upgraded(agent: Agent) -> None:
    headers = {"Authorization": f"Bearer {agent.token}", VERSION_HEADER: "1"}
    path = routes.PREFIX + routes.session(agent.name)
    answer = agent.http.post(path, json=agent.registration(), headers=headers)
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert "too old: upgrade it" in answer.json()["message"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=140))
def test_whatever_stands_in_the_header_is_answered(agent: Agent, header: str) -> None:
    headers = {"Authorization": f"Bearer {agent.token}", VERSION_HEADER: "1", PROOF_HEADER: header}
    path = routes.PREFIX + routes.session(agent.name)
    answer = agent.http.post(path, json=agent.registration(), headers=headers)
    assert answer.status_code in {401, 429}, "429: so many were refused"


def test_an_admin_sees_a_conflict_and_dismisses_it(agent: Agent, thief: Agent, login: Login) -> None:
    asks_for_the_name(thief)
    admin = login("olga")
    seen = agent.http.get(f"/v1/ui/agents/{agent.name}", headers=admin).json()["agent"]
    assert (seen["host_conflicts"], seen["host_conflict_hostname"]) == (1, "stolen")
    assert seen["host_conflict_address"] == "127.0.0.1"
    done = agent.http.delete(f"/v1/ui/agents/{agent.name}/host-conflict", headers=admin)
    assert done.status_code == httpx.codes.NO_CONTENT
    assert agent.beat()["host_conflict"] is None


def test_re_enrolled_another_host_takes_the_place(agent: Agent, thief: Agent, login: Login) -> None:
    body = {"reason": "the disk was replaced"}
    done = agent.http.post(f"/v1/ui/agents/{agent.name}/re-enrol", json=body, headers=login("olga"))
    assert done.status_code == httpx.codes.NO_CONTENT
    assert asks_for_the_name(thief).status_code == httpx.codes.OK
    assert agent.ask(routes.heartbeat(agent.name), BEAT).json()["reason"] == "superseded"


def test_a_token_is_replaced_while_polls_and_beats_go_on(agent: Agent, engine: Engine) -> None:
    agent.register()
    with engine.begin() as connection:
        mine = update(AgentRow).where(AgentRow.name == agent.name)
        connection.execute(mine.values(session_expires_at=clock.in_seconds(1700)))
    by_poll = agent.poll(wait_seconds=0.1, beat=True)["token"]
    by_beat = agent.ask(routes.heartbeat(agent.name), {"number": 9, "free_slots": 1}).json()["token"]
    assert by_poll == by_beat != agent.session_token
    before, agent.session_token = agent.session_token, by_beat
    assert agent.poll(wait_seconds=0)["token"] is None
    assert agent.ask(routes.CONFIRM, {"assignments": [str(uuid4())]}, token=before).is_success
    assert agent.poll(wait_seconds=0, beat=True)["token"] is None
    assert agent.ask(routes.heartbeat(agent.name), BEAT, token=before).json()["reason"] == "session_ended"


def test_the_check_of_a_host_explains_a_conflict_and_makes_no_key(
    api_bed: AirflowBed, agent: Agent, agent_row: Callable[[Agent], AgentRow], tmp_path: Any
) -> None:
    agent.register()
    kind = {"EDGE_AGENT_KINDS": "command"}
    host = AgentHost(tmp_path, url=api_bed.url, name=agent.name, token=agent.token, queues=[agent.queue], settings=kind)
    done = host.run("check")
    assert done.returncode == 1
    assert f"FAIL registration: refused: The name '{agent.name}' belongs to another host" in done.stdout
    assert not (host.state / "host.key").exists()
    assert agent_row(agent).host_conflicts == 0, "it was only tried"
