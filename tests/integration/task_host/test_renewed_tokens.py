"""A token expires in an outage: the client asks for a new one, waits as long as the call may, and goes on.

Who answers it here is the test, in the place of the agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.fresh_token import FreshToken
from tests.support.execution_api import ExecutionApi
from tests.support.one_task import HOUR, MINUTE, Task

pytest.importorskip("edge_agent.task_host.execution_client")

pytestmark = pytest.mark.airflow


@pytest.fixture
def fresh(tmp_path: Path) -> FreshToken:
    """Give the place where the task asks for a new token."""
    return FreshToken(AttemptDir.create(tmp_path, uuid4(), {}))


@pytest.fixture
def task(server: ExecutionApi, fresh: FreshToken) -> Iterator[Task]:
    """Give a task that has begun."""
    one = Task(server, fresh)
    with one.client:
        one.run()
        yield one


def test_a_call_waits_for_the_new_token_and_is_asked_again_with_it(task: Task, server: ExecutionApi, fresh: FreshToken):
    server.expire_tokens()
    task.clock.at[10] = lambda: fresh.put("new")

    assert task.variable().status_code == 200

    assert [one.token for one in server.requests("GET", "variables")] == ["execution-token", "new"]
    assert 10 <= task.clock.now - 1000 <= 16
    assert not fresh.is_wanted()


def test_a_final_state_is_delivered_after_an_outage_that_outlived_the_token(
    task: Task, server: ExecutionApi, fresh: FreshToken
):
    server.go_away()
    server.expired.add("execution-token")
    task.clock.at[HOUR] = server.come_back
    task.clock.at[HOUR + MINUTE] = lambda: fresh.put("new")
    task.clock.skip(to=HOUR)

    task.succeed()

    assert task.client.told.state == "success"
    assert task.clock.now - 1000 <= HOUR + MINUTE + 6


def test_without_a_new_token_a_final_state_is_given_up_after_a_day(task: Task, server: ExecutionApi, fresh: FreshToken):
    server.expire_tokens()
    task.clock.skip(to=24 * HOUR)

    with pytest.raises(httpx.HTTPStatusError):
        task.succeed()

    assert 24 * HOUR <= task.clock.now - 1000 <= 24 * HOUR + 6
    assert fresh.is_wanted()
    assert task.asked("/state") == 1, "it is not asked again with a token that has expired"


def test_a_heartbeat_neither_waits_for_the_new_token_nor_ends_the_task(
    task: Task, server: ExecutionApi, fresh: FreshToken
):
    server.expire_tokens()
    for _ in range(3):
        task.clock.now += 5
        task.heartbeat()
    assert task.clock.slept == []
    assert task.asked("/heartbeat") == 1
    assert fresh.is_wanted()

    fresh.put("new")
    task.clock.now += 5
    task.heartbeat()

    assert [one.token for one in server.requests("PUT", "heartbeat")] == ["execution-token", "new"]


def test_the_next_heartbeat_is_sent_with_the_new_token_without_the_pause_after_an_outage(
    task: Task, server: ExecutionApi, fresh: FreshToken
):
    """Airflow has not heard from the task for the whole outage already."""
    server.expire_tokens()
    task.clock.now += 5
    task.heartbeat()
    fresh.put("new")
    task.clock.now += 5
    task.heartbeat()

    assert task.asked("/heartbeat") == 2


def test_what_is_refused_with_a_new_token_is_refused(task: Task, server: ExecutionApi, fresh: FreshToken):
    """A task may not do everything: then a new token changes nothing."""
    server.fail("GET", "variables", 403, times=2)
    task.clock.at[1] = lambda: fresh.put("new")

    with pytest.raises(httpx.HTTPStatusError):
        task.variable()

    assert task.asked("variables/the_variable") == 2
    assert not fresh.is_wanted()
    assert task.variable().status_code == 200, "the new token is good for what the task may do"


def test_what_the_host_may_not_have_is_not_asked_for_again_with_another_token(
    task: Task, server: ExecutionApi, fresh: FreshToken
):
    server.denied["variables/the_variable"] = "it allows site_a_*"

    with pytest.raises(httpx.HTTPStatusError):
        task.variable()

    assert (task.asked("variables/the_variable"), task.clock.slept) == (1, [])
    assert not fresh.is_wanted()


def test_a_new_token_that_expires_before_it_was_accepted_is_renewed_again(
    task: Task, server: ExecutionApi, fresh: FreshToken
):
    """The API comes back, hands out tokens, and is gone once more for longer than these live."""
    server.expired = {"execution-token", "new"}

    def away() -> None:
        fresh.put("new")
        server.go_away()

    task.clock.at[10] = away
    task.clock.at[30] = server.come_back
    task.clock.at[40] = lambda: fresh.put("newer")

    assert task.variable().status_code == 200
    assert server.heard[-1].token == "newer"


def test_a_refused_renewal_ends_the_wait(task: Task, server: ExecutionApi, fresh: FreshToken):
    server.expire_tokens()
    task.clock.at[3] = lambda: fresh.refuse("The job is being cancelled.")

    with pytest.raises(httpx.HTTPStatusError):
        task.succeed()

    assert task.clock.now - 1000 <= 10
    assert task.client.told.refusal == "Airflow did not take its state 'success': 403 Forbidden."


def test_before_airflow_has_let_it_begin_there_is_nothing_to_renew(server: ExecutionApi, fresh: FreshToken):
    """A workload token is good for the start only; without it the queue API would have no task that runs."""
    server.expired.add("t")
    task = Task(server, fresh)
    with task.client, pytest.raises(httpx.HTTPStatusError):
        task.run()
    assert not fresh.is_wanted()


def test_what_was_asked_for_earlier_is_not_taken_for_the_answer(task: Task, server: ExecutionApi, fresh: FreshToken):
    fresh.put("long expired")
    server.expire_tokens()
    task.clock.at[5] = lambda: fresh.put("new")

    task.variable()

    assert "long expired" not in {one.token for one in server.heard}


def test_a_disk_that_does_not_take_the_mark_does_not_cost_the_call(
    task: Task, server: ExecutionApi, fresh: FreshToken, tmp_path: Path
):
    server.expire_tokens()
    (attempt,) = tmp_path.iterdir()
    away = attempt.rename(tmp_path / "away")

    def back() -> None:
        away.rename(attempt)

    marks: list[bool] = []
    task.clock.at[5] = back
    task.clock.at[14] = lambda: marks.append(fresh.is_wanted())
    task.clock.at[15] = lambda: fresh.put("new")

    assert task.variable().status_code == 200
    assert marks == [True], "it is left as soon as the disk takes it"


def test_a_refusal_that_is_raised_for_hours_does_not_grow(task: Task, server: ExecutionApi):
    server.expire_tokens()
    for _ in range(50):
        task.clock.now += 5
        task.heartbeat()
    error = task.client._expired  # noqa: SLF001  what would grow
    assert error is not None
    depth, trace = 0, error.__traceback__
    while trace is not None:
        depth, trace = depth + 1, trace.tb_next
    assert depth < 20
