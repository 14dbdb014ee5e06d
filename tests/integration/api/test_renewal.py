"""New execution tokens: what Airflow's own Execution API makes of them, and who gets none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from airflow.utils.state import TaskInstanceState
from sqlalchemy.orm import Session

from airflow_plugin.queue import jobs, steering
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent
from tests.support.airflow_bed import AirflowBed
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on

WHO = {"hostname": "host", "pid": 4711}


@pytest.fixture
def scheduling(api_bed: AirflowBed) -> Iterator[SchedulingBed]:
    """Give this process's Airflow on the database of the API server, as a scheduler has it."""
    url = api_bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    with pytest.MonkeyPatch.context() as patch, airflow_on(url, patch):
        yield SchedulingBed()


@dataclass
class RunningTask:
    """A task that its agent has confirmed and whose start Airflow knows."""

    api: httpx.Client
    id: UUID
    assignment: str
    job_id: UUID

    def heartbeat(self, token: str) -> int:
        """Send a heartbeat as the task's supervisor does, and return the status of the answer."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.api.put(f"task-instances/{self.id}/heartbeat", json=WHO, headers=headers).status_code


@pytest.fixture
def api(api_bed: AirflowBed) -> Iterator[httpx.Client]:
    """Give a client of Airflow's Execution API."""
    with httpx.Client(base_url=f"{api_bed.url}/execution/", timeout=60) as client:
        yield client


@pytest.fixture
def task(agent: Agent, scheduling: SchedulingBed, api: httpx.Client) -> RunningTask:
    """Give a task that runs on the agent."""
    (ti,) = scheduling.dag_run(queue=agent.queue)
    scheduling.queue(scheduling.scheduler(), ti)
    agent.register(kinds=["task"])
    (offer,) = agent.poll()["offers"]
    (confirmed,) = agent.confirm(offer["assignment_id"])["confirmed"]
    start = {"state": "running", "unixname": "u", "start_date": "2026-11-21T12:00:00Z", **WHO}
    headers = {"Authorization": f"Bearer {confirmed['token']}"}
    began = api.patch(f"task-instances/{ti}/run", json=start, headers=headers)
    assert began.is_success, began.text
    return RunningTask(api, ti, offer["assignment_id"], UUID(offer["job_id"]))


def renew(agent: Agent, *ids: str) -> dict[str, Any]:
    answer = agent.ask(routes.RENEW, {"assignments": list(ids)})
    assert answer.status_code == httpx.codes.OK, answer.text
    renewed: dict[str, Any] = answer.json()
    return renewed


def refusal(agent: Agent, task: RunningTask) -> str:
    """Ask for a token, and return why there is none."""
    answer = renew(agent, task.assignment)
    assert answer["renewed"] == []
    (refused,) = answer["refused"]
    assert refused["assignment_id"] == task.assignment
    message: str = refused["message"]
    return message


def test_the_execution_api_takes_a_renewed_token_for_its_own_task_and_for_no_other(agent: Agent, task: RunningTask):
    (renewed,) = renew(agent, task.assignment)["renewed"]
    assert renewed["assignment_id"] == task.assignment
    assert task.heartbeat(renewed["token"]) == httpx.codes.NO_CONTENT
    other = RunningTask(task.api, uuid4(), task.assignment, task.job_id)
    assert other.heartbeat(renewed["token"]) == httpx.codes.FORBIDDEN


def test_asked_again_there_is_another_token_and_both_are_good(agent: Agent, task: RunningTask):
    tokens = [renew(agent, task.assignment)["renewed"][0]["token"] for _ in range(2)]
    assert tokens[0] != tokens[1]
    assert [task.heartbeat(token) for token in tokens] == [httpx.codes.NO_CONTENT] * 2


def test_an_agent_that_came_back_with_its_task_gets_a_token_for_it(agent: Agent, task: RunningTask):
    agent.register(kinds=["task"], held=[task.assignment])
    assert renew(agent, task.assignment)["renewed"]


def test_an_agent_whose_session_has_ended_gets_none(agent: Agent, task: RunningTask):
    before = agent.session_token
    agent.register(kinds=["task"], held=[task.assignment])
    answer = agent.ask(routes.RENEW, {"assignments": [task.assignment]}, token=before)
    assert (answer.status_code, answer.json()["reason"]) == (409, "session_ended")


def test_another_agents_task_is_as_unknown_as_none(agent: Agent, task: RunningTask):
    stranger = Agent(agent.http, agent.token)
    stranger.register(kinds=["task"])
    answer = renew(stranger, task.assignment, unknown := str(uuid4()))
    assert answer["renewed"] == []
    assert answer["refused"] == [
        {"assignment_id": each, "state": None, "message": "Not an assignment of yours."}
        for each in (task.assignment, unknown)
    ]


def test_a_task_that_was_cleared_gets_none(agent: Agent, task: RunningTask, scheduling: SchedulingBed):
    scheduling.clear(task.id)
    assert refusal(agent, task) == "Airflow does not wait for this task any more."


@pytest.mark.parametrize("state", [TaskInstanceState.FAILED, TaskInstanceState.SUCCESS, TaskInstanceState.DEFERRED])
def test_a_task_that_airflow_does_not_know_as_running_gets_none(
    agent: Agent, task: RunningTask, scheduling: SchedulingBed, state: TaskInstanceState
):
    scheduling.set(task.id, state)
    assert refusal(agent, task) == "Airflow does not wait for this task any more."


def test_a_task_that_is_being_cancelled_gets_none(agent: Agent, task: RunningTask, database: Session):
    jobs.cancel(database, [task.job_id], "a test wants it")
    database.commit()
    assert refusal(agent, task) == "The job is being cancelled."


def test_a_job_that_was_taken_away_gets_none(agent: Agent, task: RunningTask, database: Session):
    steering.delete(database, agent.name)
    database.commit()
    agent.register(kinds=["task"])
    assert refusal(agent, task) == "The job is failed by now."


def test_a_command_has_no_token_to_be_renewed(agent: Agent, submit: Any):
    agent.register()
    submit(agent)
    assignment = agent.poll()["offers"][0]["assignment_id"]
    agent.confirm(assignment)
    (refused,) = renew(agent, assignment)["refused"]
    assert refused["message"] == "Only a task instance has an execution token that can be renewed."
