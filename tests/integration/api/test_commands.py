"""Commands over HTTP: submitted, watched, read and cancelled by whoever has a submit token, and by nobody else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.orm import Session

from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from edge_agent.protocol import routes
from edge_agent.protocol.commands import CommandView, News, SubmitRights, Submitted
from tests.integration.api.conftest import HELD_POLLS, NUMBERS, Agent, Login
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until


class Caller:
    """Somebody with a submit token."""

    def __init__(self, http: httpx.Client, name: str, token: str) -> None:
        self.http, self.name, self.token = http, name, token

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask with the token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, routes.PREFIX + path, headers=headers, **more)

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str, str]:
        """Ask what must be refused; return status, reason and message."""
        answer = self.ask(method, path, **more)
        problem = answer.json()
        return answer.status_code, problem["reason"], problem["message"]

    def submit(self, agent: Agent, **asked: Any) -> Submitted:
        """Submit a command to the queue of an agent."""
        answer = self.ask("POST", routes.COMMANDS, json={"command": "true", "queue": agent.queue} | asked)
        assert answer.is_success, answer.text
        return Submitted.model_validate_json(answer.content)

    def get(self, job_id: UUID) -> CommandView:
        answer = self.ask("GET", routes.command(job_id))
        assert answer.is_success, answer.text
        return CommandView.model_validate_json(answer.content)

    def watch(self, *commands: dict[str, Any], wait_seconds: float = 20) -> News:
        answer = self.ask("POST", routes.WATCH, json={"commands": commands, "wait_seconds": wait_seconds})
        assert answer.is_success, answer.text
        return News.model_validate_json(answer.content)


NewCaller = Callable[..., Caller]


@pytest.fixture
def new_caller(http: httpx.Client, database: Session) -> NewCaller:
    """Give a function that makes a submit token."""

    def new_caller(**allowance: Any) -> Caller:
        name = f"submits-{next(NUMBERS)}"
        secret = tokens.create(database, name, Allowance(kind=TokenKind.SUBMIT, **allowance))
        database.commit()
        return Caller(http, name, secret.get_secret_value())

    return new_caller


@pytest.fixture
def caller(new_caller: NewCaller) -> Caller:
    """Give somebody with a submit token that allows everything but other users."""
    return new_caller()


def start(agent: Agent) -> str:
    """Let an agent start the one command there is for it; return the assignment."""
    agent.register()
    (offer,) = agent.poll()["offers"]
    (confirmed,) = agent.confirm(offer["assignment_id"])["confirmed"]
    return str(confirmed["assignment_id"])


def says(agent: Agent, assignment: str, offset: int, content: bytes) -> None:
    """Send log bytes."""
    assert agent.ask(routes.logs(UUID(assignment)), params={"offset": offset}, content=content).is_success


def test_a_command_runs_and_is_read_to_its_end(agent: Agent, caller: Caller) -> None:
    submitted = caller.submit(agent, key="k", command=["echo", "x"])
    command = submitted.command.id
    assert (submitted.attached, submitted.command.state) == (False, "queued")
    assert caller.get(command).waiting == f"no agent serves queue {agent.queue!r}"
    assignment = start(agent)
    assert caller.get(command).agent_name == agent.name
    says(agent, assignment, 0, b"one\n\xff\x00")
    log = caller.ask("GET", routes.command_logs(command), params={"offset": 2, "limit": 3})
    assert (log.content, log.headers[routes.LOG_NEXT_HEADER], log.headers[routes.LOG_OVER_HEADER]) == (
        b"e\n\xff",
        "5",
        "0",
    )
    agent.report(assignment)
    log = caller.ask("GET", routes.command_logs(command), params={"offset": 5})
    assert (log.content, log.headers[routes.LOG_OVER_HEADER]) == (b"\x00", "1")
    output = caller.ask("GET", routes.command_output(command), params={"limit": 2})
    assert (output.content, output.headers["content-type"]) == (b"\xff\x00", "application/octet-stream")
    assert (output.headers[routes.OUTPUT_BYTES_HEADER], output.headers[routes.OUTPUT_WHOLE_HEADER]) == ("6", "1")
    again = caller.submit(agent, key="k")
    assert (again.attached, again.command.id, again.command.state) == (True, command, "succeeded")


def test_a_watch_is_woken_when_a_command_starts_and_when_it_says_more(agent: Agent, caller: Caller) -> None:
    command = caller.submit(agent).command.id
    other = caller.submit(agent, queue="nobodys").command.id
    known = [{"id": str(command), "state": "queued"}, {"id": str(other), "state": "queued"}]
    with ThreadPoolExecutor(1) as thread:
        began, held = time.monotonic(), thread.submit(caller.watch, *known)
        assignment = start(agent)
        news = held.result()
        assert [view.id for view in news.commands] == [command]
        state = news.commands[0].state
        while state != "running":  # it was offered before it ran
            (view,) = caller.watch({"id": str(command), "state": state}).commands
            state = view.state
        held = thread.submit(caller.watch, {"id": str(command), "state": "running", "log_bytes": 0})
        says(agent, assignment, 0, b"a line\n")
        (view,) = held.result().commands
        assert (view.state, view.log_bytes) == ("running", 7)
        held = thread.submit(caller.watch, {"id": str(command), "state": "running", "log_bytes": 7, "read_offset": 7})
        agent.report(assignment)
        (view,) = held.result().commands
    assert (view.state, view.read_offset) == ("succeeded", 7)
    assert time.monotonic() - began < 15, "none of them waited for its time to end"


def test_a_watch_of_nothing_new_ends_with_its_time_and_says_nothing(agent: Agent, caller: Caller) -> None:
    command = caller.submit(agent).command.id
    news = caller.watch({"id": str(command), "state": "queued", "log_bytes": 0}, wait_seconds=0.5)
    assert news == News()


def test_what_is_not_there_any_more_is_told_at_once(agent: Agent, caller: Caller, new_caller: NewCaller) -> None:
    theirs, unknown = new_caller().submit(agent).command.id, uuid4()
    news = caller.watch({"id": str(theirs)}, {"id": str(unknown)})
    assert news.unknown == (theirs, unknown)


def test_so_many_watches_are_held_and_no_more(api_bed: AirflowBed, agent: Agent, caller: Caller) -> None:
    command = caller.submit(agent).command.id
    body = {"commands": [{"id": str(command), "state": "queued"}], "wait_seconds": 3}
    with ThreadPoolExecutor(HELD_POLLS + 3) as pool:
        asked = [pool.submit(caller.ask, "POST", routes.WATCH, json=body) for _ in range(HELD_POLLS + 3)]
        answers = [each.result() for each in asked]
    assert Counter(each.status_code for each in answers) == {200: HELD_POLLS, 503: 3}
    refused = next(each for each in answers if each.status_code == httpx.codes.SERVICE_UNAVAILABLE)
    assert "max_held_polls" in refused.json()["message"]
    assert refused.headers["Retry-After"]


def test_a_cancel_ends_what_waits_and_is_passed_on_for_what_runs(agent: Agent, caller: Caller) -> None:
    waits = caller.submit(agent).command.id
    answer = caller.ask("POST", routes.cancel_command(waits), json={"reason": "not now"})
    view = CommandView.model_validate_json(answer.content)
    assert (view.state, view.message, view.is_wanted) == ("cancelled", "not now", False)
    runs = caller.submit(agent).command.id
    assignment = start(agent)
    unwanted = {"reason": "x", "only_if_unwanted": True}
    assert caller.ask("POST", routes.cancel_command(runs), json=unwanted).json()["is_wanted"]
    for _ in range(2):
        view = CommandView.model_validate_json(caller.ask("POST", routes.cancel_command(runs), json={}).content)
        assert (view.state, view.is_wanted) == ("running", False)
    assert agent.beat(assignment)["cancel"] == [assignment]


def test_an_earlier_one_of_a_family_that_runs_is_a_conflict_that_names_it_and_stays_asked_to_end(
    agent: Agent, caller: Caller
) -> None:
    first = caller.submit(agent, key="1", family="f").command.id
    start(agent)
    body = {"command": "true", "queue": agent.queue, "key": "2", "family": "f"}
    answer = caller.ask("POST", routes.COMMANDS, json=body)
    assert (answer.status_code, answer.json()["reason"], answer.json()["state"]) == (409, "conflict", "running")
    assert str(first) in answer.json()["message"]
    assert not caller.get(first).is_wanted


def test_a_task_that_is_not_there_submits_nothing(agent: Agent, caller: Caller) -> None:
    tie = {"id": str(uuid4()), "dag_id": "d", "run_id": "r", "task_id": "t"}
    status, reason, message = caller.refused("POST", routes.COMMANDS, json={"command": "true", "tie": tie})
    assert (status, reason) == (409, "conflict")
    assert "Airflow does not wait for the task instance that submits this (t)" in message


def test_a_token_tells_what_it_allows(caller: Caller, new_caller: NewCaller) -> None:
    def rights(of: Caller) -> SubmitRights:
        return SubmitRights.model_validate_json(of.ask("GET", routes.RIGHTS).content)

    plain, bounded = rights(caller), rights(new_caller(queues=["a"], run_as_users=["etl"], team_name="blue"))
    assert (plain.token, plain.queues, plain.run_as_users, plain.team) == (caller.name, None, (), None)
    assert (bounded.queues, bounded.run_as_users, bounded.team) == (("a",), ("etl",), "blue")


REFUSALS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "queue": ({"queue": "x"}, 403, "forbidden", "does not allow queue x; it allows a, b."),
    "user": ({"run_as_user": "root"}, 403, "forbidden", "does not allow to run as 'root'; users it allows: etl."),
    "agent": (
        {"agent": "nobody-at-all"},
        404,
        "not_found",
        "the hostname or the address 'nobody-at-all'",
    ),
    "requires": ({"requires": {"python": ">= 3 4"}}, 422, "invalid", "after '>=' stands one version or number"),
    "wait": (
        {"on_agent_lost": "wait", "lost_wait_seconds": 90000},
        422,
        "invalid",
        "this site allows at most 86400 ([edge_agent] lost_wait_seconds)",
    ),
    "shell": ({"command": ["a"], "shell": "bash"}, 422, "invalid", "a list of words is run as it is"),
    "field": ({"cwdd": "x"}, 422, "invalid", "cwdd: Extra inputs are not permitted"),
    "NUL": ({"command": "a\0"}, 422, "invalid", "command"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_each_refusal_says_what_is_wrong_and_what_would_be_right(new_caller: NewCaller, what: str) -> None:
    caller = new_caller(queues=["a", "b"], run_as_users=["etl"])
    changed, status, reason, message = REFUSALS[what]
    refused = caller.refused("POST", routes.COMMANDS, json={"command": "true"} | changed)
    assert refused[:2] == (status, reason)
    assert message in refused[2]


def test_an_address_that_the_token_does_not_name_is_refused(new_caller: NewCaller) -> None:
    caller = new_caller(addresses=["10.0.0.0/8"])
    for method, path in (("GET", routes.RIGHTS), ("GET", routes.command(uuid4()))):
        status, reason, message = caller.refused(method, path)
        assert (status, reason) == (403, "forbidden")
        assert "is not allowed from 127.0.0.1" in message


def test_a_command_is_found_after_its_tokens_rotation_and_not_after_its_revocation(
    agent: Agent, caller: Caller, database: Session
) -> None:
    command = caller.submit(agent, key="k").command.id
    old, new = caller.token, tokens.rotate(database, caller.name, overlap_seconds=3600).get_secret_value()
    database.commit()
    for caller.token in (new, old):
        assert caller.get(command).id == command
        assert caller.submit(agent, key="k").attached
    tokens.revoke(database, caller.name)
    database.commit()
    for caller.token in (new, old):
        status, reason, message = caller.refused("GET", routes.command(command))
        assert (status, reason) == (401, "unauthenticated")
        assert "was revoked" in message


def test_the_log_of_a_command_is_on_the_page_for_those_who_may_read_logs_of_tasks(
    agent: Agent, caller: Caller, http: httpx.Client, login: Login
) -> None:
    command = caller.submit(agent, streams="apart").command.id
    assignment = start(agent)
    says(agent, assignment, 0, b"out\n\x0eerr\n\x0f")
    answer = http.get(f"{routes.PREFIX}/ui/jobs/{command}/log", headers=login("vera"))
    assert answer.json()["text"] == "out\nerr\n"


def test_a_command_whose_task_is_gone_is_ended_by_the_server_itself(
    agent: Agent, caller: Caller, database: Session
) -> None:
    from sqlalchemy import update

    from airflow_plugin.models import JobRow

    command = caller.submit(agent).command.id
    ids = {"tie_id": uuid4(), "tied": True, "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}
    database.execute(update(JobRow).where(JobRow.id == command).values(**ids, try_number=1))
    database.commit()
    wait_until(lambda: caller.get(command).state, until=lambda state: state == "cancelled", what="it is cancelled")
    assert caller.get(command).message == "Its task was deleted."
