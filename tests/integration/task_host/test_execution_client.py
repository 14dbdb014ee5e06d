"""How long a supervisor asks an API that does not answer, and what it remembers of the answers.

The client is the real one, and so are server, sockets and answers; only time is not.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest

from tests.support.execution_api import ExecutionApi
from tests.support.one_task import HOUR, MINUTE, Task

airflow_client = pytest.importorskip("edge_agent.task_host.execution_client")

pytestmark = pytest.mark.airflow


@pytest.fixture
def task(server: ExecutionApi) -> Iterator[Task]:
    one = Task(server)
    with one.client:
        yield one


def test_what_airflow_accepted_is_remembered(task: Task):
    task.run()
    task.succeed()

    assert task.client.told.state == "success"
    assert task.client.told.refusal is None


def test_the_token_airflow_answers_with_is_used_from_then_on(task: Task, server: ExecutionApi):
    task.run()
    task.succeed()

    assert [one.token for one in server.heard] == ["t", "execution-token"]


def test_what_airflow_did_not_accept_is_remembered_and_not_repeated(task: Task, server: ExecutionApi):
    server.instance(task.id).state = "failed"

    with pytest.raises(httpx.HTTPStatusError):
        task.succeed()

    assert task.client.told.state is None
    assert task.client.told.refusal == "Airflow did not take its state 'success': 409 invalid_state."
    assert task.asked("/state") == 1


def test_a_final_state_is_delivered_after_hours_and_within_seconds_of_the_return(task: Task, server: ExecutionApi):
    task.run()
    server.go_away()
    task.clock.at[5 * HOUR] = server.come_back
    task.clock.skip(to=5 * HOUR)

    task.succeed()

    assert task.client.told.state == "success"
    assert task.clock.now - 1000 <= 5 * HOUR + 6
    assert max(task.clock.slept) <= 5


def test_a_final_state_nobody_ever_takes_is_given_up_after_a_day(task: Task, server: ExecutionApi):
    task.run()
    server.go_away()
    task.clock.skip(to=24 * HOUR)

    with pytest.raises(httpx.ConnectError):
        task.succeed()

    assert 24 * HOUR <= task.clock.now - 1000 <= 24 * HOUR + 6
    assert task.client.told.refusal == "Airflow did not take its state 'success': no answer (ConnectError)."


def test_many_that_wait_do_not_all_come_back_in_the_same_instant(task: Task, server: ExecutionApi):
    server.fail("GET", "variables", 503, times=4)

    task.variable()

    assert len(task.clock.slept) == 4
    assert all(later > earlier for earlier, later in pairwise(task.clock.slept[::2]))
    assert len({round(pause % 0.25, 6) for pause in task.clock.slept}) > 1, "there is no jitter"


@pytest.mark.parametrize(
    ("ask", "status", "seconds"),
    [
        ("run", 503, 9 * MINUTE),
        ("run", 500, 9 * MINUTE),
        ("succeed", 502, 24 * HOUR),
        ("succeed", 500, 10 * MINUTE),
        ("variable", 429, 24 * HOUR),
        ("variable", 504, 24 * HOUR),
        ("variable", 500, 2 * MINUTE),
    ],
)
def test_each_call_has_a_patience_of_its_own(task: Task, server: ExecutionApi, ask: str, status: int, seconds: float):
    server.instance(task.id).state = "running"
    server.fail("(GET|PATCH)", ".", status, times=10**6)
    if seconds >= HOUR:
        task.clock.skip(to=seconds)

    with pytest.raises(httpx.HTTPStatusError):
        getattr(task, ask)()

    assert seconds <= task.clock.now - 1000 <= seconds + 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_asked_again(task: Task, server: ExecutionApi, status: int):
    server.fail("GET", "variables", status, times=10)

    with pytest.raises(httpx.HTTPStatusError):
        task.variable()

    assert task.clock.slept == []


def test_a_connection_cut_in_the_middle_is_asked_again(task: Task, server: ExecutionApi):
    task.variable()
    server.go_away()
    server.come_back()

    assert task.variable().status_code == 200


def test_a_heartbeat_is_asked_once_however_it_fails(task: Task, server: ExecutionApi):
    """Its supervisor stands still meanwhile, and with it the task's log."""
    server.fail("PUT", "heartbeat", 503, times=10)

    task.heartbeat()

    assert task.asked("/heartbeat") == 1
    assert task.clock.slept == []


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refused_heartbeat_is_the_supervisors_to_judge(task: Task, server: ExecutionApi, status: int):
    server.fail("PUT", "heartbeat", status)

    with pytest.raises(httpx.HTTPStatusError):
        task.heartbeat()

    assert task.client.told.not_wanted is None


def test_after_a_failed_heartbeat_the_next_waits_a_while(task: Task, server: ExecutionApi):
    server.go_away()
    task.heartbeat()
    server.come_back()

    task.clock.now += 14
    task.heartbeat()
    assert task.asked("/heartbeat") == 0

    server.instance(task.id).state = "running"
    task.clock.now += 1
    task.heartbeat()

    assert task.asked("/heartbeat") == 1


def test_the_start_is_a_heartbeat_too(task: Task):
    """The supervisor would send one right after it, a fifth of all a trivial task asks."""
    task.run()
    task.heartbeat()
    assert task.asked("/heartbeat") == 0

    task.clock.now += 5
    task.heartbeat()

    assert task.asked("/heartbeat") == 1


def test_a_heartbeat_says_when_a_task_is_no_longer_wanted(task: Task, server: ExecutionApi):
    server.instance(task.id).archived = True

    with pytest.raises(httpx.HTTPStatusError):
        task.heartbeat()

    assert task.client.told.not_wanted == "Airflow no longer wanted it: 410 not_found."


def test_a_server_that_takes_connections_and_says_nothing_is_away(server: ExecutionApi):
    """A firewall that drops packets looks like this. The heartbeat must not hang for long."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = airflow_client.ExecutionClient(base_url=f"http://127.0.0.1:{mute.getsockname()[1]}", token="t")
        began = time.monotonic()
        with client:
            client.put("task-instances/x/heartbeat", content="{}")

    assert time.monotonic() - began < 10
