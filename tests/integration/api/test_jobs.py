"""What people see of jobs over HTTP: pages of a list, one job, its log; and what of it is not for everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from airflow_plugin.models import JobRow
from edge_agent.protocol import routes
from tests.integration.api.conftest import NUMBERS, Agent, Login
from tests.support.dags_of_teams import add_dag

JOBS = routes.PREFIX + "/ui/jobs"
PLANTED = "planted"


@pytest.fixture
def viewer(http: httpx.Client, login: Login) -> Callable[..., Any]:
    """Give a function that asks as a viewer, and returns what was answered."""

    def asked(path: str = "", **params: Any) -> Any:
        answer = http.get(JOBS + path, params=params, headers=login("vera"))
        assert answer.is_success, answer.text
        return answer.json()

    return asked


def send_log(agent: Agent, assignment: str, offset: int, data: bytes) -> None:
    answer = agent.ask(routes.logs(UUID(assignment)), params={"offset": offset}, content=data)
    assert answer.is_success, answer.text


def test_the_list_is_cut_into_pages_and_says_how_long_it_is(
    agent: Agent, submit: Callable[..., UUID], viewer: Callable[..., Any]
) -> None:
    submitted = [submit(agent) for _ in range(3)]
    first, second = (viewer(queue=agent.queue, limit=2, offset=offset) for offset in (0, 2))
    assert [len(first["jobs"]), len(second["jobs"]), first["total"], second["total"]] == [2, 1, 3, 3]
    assert [UUID(job["id"]) for page in (first, second) for job in page["jobs"]] == submitted[::-1]
    assert agent.queue in first["queues"]
    assert first["counts"]["queued"] >= 3
    assert first["server_time"].endswith(("Z", "+00:00"))


def test_jobs_are_asked_for_by_several_states_and_by_all_that_are_final(
    agent: Agent, submit: Callable[..., UUID], running: tuple[str, UUID], viewer: Callable[..., Any]
) -> None:
    assignment, job = running
    waiting = submit(agent, requires={"gpu": True})

    def found(*states: str) -> set[UUID]:
        return {UUID(each["id"]) for each in viewer(queue=agent.queue, state=states)["jobs"]}

    assert found("queued") == {waiting}
    assert found("queued", "running") == {waiting, job}
    assert found("ended") == set()
    agent.report(assignment)
    assert found("ended") == found("succeeded") == {job}
    assert found("ended", "queued") == found() == {job, waiting}


@pytest.mark.parametrize(
    "params", [{"limit": 201}, {"limit": 0}, {"offset": -1}, {"state": "lost"}, {"kind": "x"}, {"map_index": -2}]
)
def test_what_cannot_be_asked_for_is_refused_and_named(http: httpx.Client, login: Login, params: Any) -> None:
    answer = http.get(JOBS, params=params, headers=login("vera"))
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid")
    assert next(iter(params)) in answer.json()["message"]


def test_a_log_is_read_while_it_grows_and_to_its_end(
    agent: Agent, running: tuple[str, UUID], viewer: Callable[..., Any]
) -> None:
    assignment, job = running
    send_log(agent, assignment, 0, b"one\n\xe2\x82")
    first = viewer(f"/{job}/log")
    assert (first["text"], first["next_offset"], first["is_over"]) == ("one\n", 4, False)
    send_log(agent, assignment, 6, b"\xac\n")
    second = viewer(f"/{job}/log", offset=first["next_offset"])
    assert (second["text"], second["start_offset"], second["next_offset"]) == ("\u20ac\n", 4, 8)
    agent.report(assignment)
    assert viewer(f"/{job}/log", offset=8) == {
        "text": "",
        "start_offset": 8,
        "next_offset": 8,
        "log_bytes": 8,
        "is_over": True,
        "where": None,
    }
    assert viewer(f"/{job}/log", offset=-4)["text"] == "\u20ac\n"
    one = viewer(f"/{job}")["job"]
    assert (one["state"], one["log_bytes"], one["hidden"]) == ("succeeded", 8, False)


def test_of_a_job_that_is_not_there_nothing_is(http: httpx.Client, login: Login) -> None:
    for path in ("", "/log"):
        answer = http.get(f"{JOBS}/{uuid4()}{path}", headers=login("vera"))
        assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")


@pytest.fixture
def of_the_blue_team(agent: Agent, running: tuple[str, UUID], database: Session) -> UUID:
    """Give a job with a log, of a Dag of a team that no user here is of. Admins may read every Dag."""
    assignment, job = running
    send_log(agent, assignment, 0, f"{PLANTED} log\n".encode())
    dag_id = f"{PLANTED}-dag-{next(NUMBERS)}"
    add_dag(database, dag_id, team="blue")
    ids = {"dag_id": dag_id, "run_id": f"{PLANTED} run", "task_id": f"{PLANTED}_task", "map_index": -1, "try_number": 1}
    words = {"label": f"{PLANTED} label", "message": f"{PLANTED} message", "cancel_reason": f"{PLANTED} reason"}
    words["command_name"] = f"{PLANTED} command"
    database.execute(update(JobRow).where(JobRow.id == job).values(**ids, **words))
    database.commit()
    return job


@pytest.mark.parametrize("user", ["vera", "ursula", "olga"])
def test_who_may_not_read_a_dag_sees_that_there_is_a_job_and_not_what_it_is_about(
    http: httpx.Client, login: Login, agent: Agent, of_the_blue_team: UUID, user: str
) -> None:
    http.headers.update(login(user))
    its_agent = f"{routes.PREFIX}/ui/agents/{agent.name}"
    of_it = f"{JOBS}?queue={agent.queue}&state=running&agent={agent.name}"
    for path in (JOBS, of_it, f"{JOBS}/{of_the_blue_team}", its_agent):
        answer = http.get(path)
        assert str(of_the_blue_team) in answer.text
        assert PLANTED not in answer.text
        assert '"hidden":true' in answer.text
    refused, unknown = (http.get(f"{JOBS}/{job}/log") for job in (of_the_blue_team, uuid4()))
    assert refused.status_code == unknown.status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    "about",
    [
        {"search": PLANTED},
        {"run_id": f"{PLANTED} run"},
        {"task_id": f"{PLANTED}_task"},
        {"map_index": -1},
        {"dag_id": 1},
    ],
    ids=str,
)
def test_no_question_finds_out_what_a_hidden_job_is_about(
    http: httpx.Client, login: Login, agent: Agent, of_the_blue_team: UUID, about: dict[str, Any]
) -> None:
    mine = {"queue": agent.queue}
    whole = http.get(f"{JOBS}/{of_the_blue_team}", headers=login("anna")).json()["job"]
    asked = mine | about | ({"dag_id": whole["dag_id"]} if "dag_id" in about else {})
    for user, found in (("vera", 0), ("anna", 1)):
        page = http.get(JOBS, params=asked, headers=login(user)).json()
        assert (page["total"], len(page["jobs"])) == (found, found)
        assert http.get(JOBS, params=mine, headers=login(user)).json()["total"] == 1


def test_who_may_read_the_dag_sees_all_of_it(http: httpx.Client, login: Login, of_the_blue_team: UUID) -> None:
    http.headers.update(login("anna"))
    job = http.get(f"{JOBS}/{of_the_blue_team}").json()["job"]
    assert (job["hidden"], job["label"], job["message"]) == (False, f"{PLANTED} label", f"{PLANTED} message")
    assert job["task_url"] == f"dags/{job['dag_id']}/runs/planted%20run/tasks/planted_task"
    assert http.get(f"{JOBS}/{of_the_blue_team}/log").json()["text"] == "planted log\n"


def test_the_log_of_a_dag_that_is_gone_is_for_those_who_may_read_any(
    http: httpx.Client, login: Login, of_the_blue_team: UUID, database: Session
) -> None:
    """As with Airflow's own log of it: without the Dag nobody knows its team any more."""
    gone: dict[str, str | None] = {
        "dag_id": "deleted",
        "run_id": "a",
        "task_id": "b",
        "label": "c",
        "command_name": "d",
    }
    gone |= {"message": None, "cancel_reason": None}
    database.execute(update(JobRow).where(JobRow.id == of_the_blue_team).values(**gone))
    database.commit()
    assert http.get(f"{JOBS}/{of_the_blue_team}/log", headers=login("vera")).is_success
