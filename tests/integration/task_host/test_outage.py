"""The Execution API is away for a while: no task dies of it, and no end is lost.

Here it is away for seconds. For how long each call would wait is tested with the client alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from edge_agent.attempt_dir import Result
from edge_agent.fresh_token import FreshToken
from edge_agent.task_host import TaskHost
from tests.support.execution_api import ExecutionApi
from tests.support.task_site import Run, TaskSite, task
from tests.support.waiting import wait_until_async

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITS = "does not answer; will ask again"


@pytest.fixture(autouse=True)
def _back_at_the_end(api: ExecutionApi) -> Iterator[None]:
    yield
    api.expired.clear()
    api.go_away()
    api.come_back()


async def supervisor_says(run: Run, text: str) -> None:
    await wait_until_async(
        lambda: text in run.attempt.output.read_text(),
        what=f"the supervisor says {text!r}",
        timeout=20,
        ignoring=(FileNotFoundError,),
    )


async def test_the_api_is_away_when_a_task_asks_it_something(host: TaskHost, site: TaskSite, api: ExecutionApi):
    api.variables["the_variable"] = "patience"
    run = await site.spawn(host, task("long", "asks"))
    await run.logged("waiting for the gate")

    api.go_away()
    (run.attempt.path / "gate").touch()
    await supervisor_says(run, WAITS)
    api.come_back()

    assert await run.result() == Result(exit_code=0, state="success")
    assert api.xcoms["long/manual__1/asks/return_value"] == "patience"


async def test_the_api_is_away_when_a_task_ends(host: TaskHost, site: TaskSite, api: ExecutionApi):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")

    api.go_away()
    (run.attempt.path / "gate").touch()
    await supervisor_says(run, WAITS)
    assert run.attempt.result() is None
    back = time.monotonic()
    api.come_back()

    assert await run.result() == Result(exit_code=0, state="success")
    print(f"the final state arrived {time.monotonic() - back:.1f} s after the API came back")
    assert run.instance.state == "success"


async def test_heartbeats_that_nobody_answers_neither_kill_a_task_nor_hold_up_its_log(
    host: TaskHost, site: TaskSite, api: ExecutionApi
):
    run = await site.spawn(host, task("long", "talks"))
    await run.logged("line 1")

    api.go_away()
    await supervisor_says(run, "A heartbeat failed")
    lines = run.log.read_text().count("line")
    await wait_until_async(lambda: run.log.read_text().count("line") > lines + 20, what="the log goes on", timeout=5)
    (run.attempt.path / "gate").touch()
    api.come_back()

    assert await run.result() == Result(exit_code=0, state="success")


async def test_the_api_is_away_before_a_task_has_begun(host: TaskHost, site: TaskSite, api: ExecutionApi):
    api.go_away()
    run = await site.spawn(host, task("simple", "succeeds"))
    await supervisor_says(run, WAITS)
    api.come_back()

    assert await run.result() == Result(exit_code=0, state="success")


async def test_a_running_task_is_heard_of(host: TaskHost, site: TaskSite, api: ExecutionApi):
    """The first heartbeat is the start itself; the next one comes an interval later."""
    run = await site.spawn(host, task("long", "waits"))
    await wait_until_async(lambda: run.instance.heartbeats, what="a heartbeat arrives", timeout=12)
    (run.attempt.path / "gate").touch()

    assert (await run.result()).state == "success"


async def wants_a_token(run: Run) -> FreshToken:
    fresh = FreshToken(run.attempt)
    await wait_until_async(fresh.is_wanted, what="the task wants a new token", timeout=30)
    return fresh


async def test_a_task_whose_token_expires_lives_on_and_is_heard_of_with_the_new_one(
    host: TaskHost, site: TaskSite, api: ExecutionApi
):
    """No heartbeat is accepted meanwhile, and none kills it."""
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    api.expire_tokens()
    fresh = await wants_a_token(run)
    beats = run.instance.heartbeats

    fresh.put("planted-token-of-the-heartbeats")

    await wait_until_async(lambda: run.instance.heartbeats > beats, what="a heartbeat arrives", timeout=20)
    (run.attempt.path / "gate").touch()
    assert await run.result() == Result(exit_code=0, state="success")
    assert "planted-token-of-the-heartbeats" not in run.said()
    left = [path.name for path in run.attempt.path.iterdir() if path.name.startswith("token")]
    assert left == []


async def test_a_token_that_expired_in_an_outage_costs_no_final_state(
    host: TaskHost, site: TaskSite, api: ExecutionApi
):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    api.expire_tokens()
    api.go_away()
    (run.attempt.path / "gate").touch()
    await supervisor_says(run, WAITS)
    api.come_back()

    (await wants_a_token(run)).put("planted-token-of-the-end")

    assert await run.result() == Result(exit_code=0, state="success")
    assert run.instance.state == "success"
