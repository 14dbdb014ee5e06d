"""Zygotes come and go; what they started goes on, and what was not started is known not to be."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.task_host import TaskHost, TaskHostError
from tests.support.task_site import AGENT, TaskSite, task
from tests.support.waiting import wait_until, wait_until_async

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[3]


def zygote_of(host: TaskHost) -> Identity:
    assert host.pid is not None
    return Identity.of(host.pid)


def threads_of(host: TaskHost) -> int:
    return len(list(Path(f"/proc/{host.pid}/task").iterdir()))


def started_by_an_agent_that_is_killed_then(site: TaskSite, attempts: list[AttemptDir]) -> Identity:
    """Return the zygote, which is an orphan by then."""
    told = {
        "environment": site.environment(),
        "log": str(site.log),
        "server": site.api.url,
        "attempts": [str(attempt.path) for attempt in attempts],
    }
    agent = subprocess.Popen(
        [sys.executable, "-m", "tests.support.task_host_agent"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(json.dumps(told).encode())
        agent.stdin.close()
        zygote = Identity.of(int(agent.stdout.readline()))
        agent.kill()
    return zygote


async def test_the_zygote_is_killed_and_its_task_ends_well_all_the_same(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    killed = zygote_of(host)

    os.kill(killed.pid, signal.SIGKILL)
    (run.attempt.path / "gate").touch()

    assert await run.result() == Result(exit_code=0, state="success")
    following = await site.spawn(host, task("simple", "succeeds"))
    assert (await following.result()).state == "success"
    assert host.pid != killed.pid


async def test_the_zygote_dies_between_question_and_answer_and_the_attempt_starts_once(host: TaskHost, site: TaskSite):
    """The end of the stream proves that nothing was started; so it may be tried again."""
    await host.ready()
    stopped = zygote_of(host)
    os.kill(stopped.pid, signal.SIGSTOP)
    spawning = asyncio.ensure_future(site.spawn(host, task("simple", "succeeds")))
    await asyncio.wait({spawning}, timeout=0.2)
    assert not spawning.done()

    os.kill(stopped.pid, signal.SIGKILL)

    run = await spawning
    assert (await run.result()).state == "success"
    assert len(site.api.requests("PATCH", f"{run.ti_id}/run")) == 1


async def test_a_zygote_that_hangs_is_killed_and_the_attempt_starts_once(
    host: TaskHost, site: TaskSite, monkeypatch: pytest.MonkeyPatch
):
    await host.ready()
    hanging = zygote_of(host)
    os.kill(hanging.pid, signal.SIGSTOP)
    monkeypatch.setattr("edge_agent.task_host.host.ANSWER_SECONDS", 0.2)
    spawning = asyncio.ensure_future(site.spawn(host, task("simple", "succeeds")))
    await wait_until_async(lambda: not hanging.is_alive(), what="the zygote that hangs is killed")
    monkeypatch.undo()

    run = await spawning
    assert (await run.result()).state == "success"
    assert len(site.api.requests("PATCH", f"{run.ti_id}/run")) == 1


async def test_a_zygote_told_to_end_takes_no_work_and_waits_for_its_tasks(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    told = zygote_of(host)

    os.kill(told.pid, signal.SIGTERM)
    await wait_until_async(lambda: host.pid is None, what="the agent knows that it serves no more")

    following = await site.spawn(host, task("simple", "succeeds"))
    assert (await following.result()).state == "success"
    assert told.is_alive()
    (run.attempt.path / "gate").touch()
    assert (await run.result()).state == "success"
    await wait_until_async(lambda: not told.is_alive(), what="the old zygote has ended")


async def test_the_agent_is_killed_and_all_that_runs_comes_to_a_recorded_end(own_site: TaskSite):
    site = own_site
    payloads = [task("long", "waits"), task("long", "waits")]
    good, bad = (site.prepare(payload) for payload in payloads)
    zygote = started_by_an_agent_that_is_killed_then(site, [good, bad])

    supervisor = bad.identity()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    (good.path / "gate").touch()

    killed = wait_until(bad.result, what="the killed supervisor is recorded")
    assert killed is not None
    assert killed.signal == signal.SIGKILL
    assert wait_until(good.result, what="the other has ended") == Result(exit_code=0, state="success")
    wait_until(lambda: not zygote.is_alive(), what="the zygote has ended with its last child")


async def test_the_agent_stops_and_its_tasks_go_on(own_host: Callable[..., TaskHost], own_site: TaskSite):
    host = own_host()
    run = await own_site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    zygote = zygote_of(host)

    await host.stop()

    assert run.identity.is_alive()
    (run.attempt.path / "gate").touch()
    assert (await run.result()).state == "success"
    await wait_until_async(lambda: not zygote.is_alive(), what="the zygote has ended with its last child")


async def test_a_changed_configuration_holds_from_the_next_task_on(host: TaskHost, site: TaskSite):
    before = await site.spawn(host, task("long", "waits"))
    await before.logged("waiting for the gate")
    old = zygote_of(host)

    (site.home / "airflow.cfg").write_text("[email]\nsubject_template = changed\n")
    after = await site.spawn(host, task("simple", "tells"))

    assert (await after.result()).state == "success"
    assert site.api.xcoms["simple/manual__1/tells/return_value"]["setting"] == "changed"
    (before.attempt.path / "gate").touch()
    assert (await before.result()).state == "success"
    await wait_until_async(lambda: not old.is_alive(), what="the old zygote has ended")


async def test_another_environment_holds_from_the_next_task_on(host: TaskHost, site: TaskSite):
    host.configure(site.environment(AIRFLOW__EMAIL__SUBJECT_TEMPLATE="given"))
    run = await site.spawn(host, task("simple", "tells"))

    assert (await run.result()).state == "success"
    assert site.api.xcoms["simple/manual__1/tells/return_value"]["setting"] == "given"
    host.configure(site.environment())


async def test_the_same_environment_again_replaces_nothing(host: TaskHost, site: TaskSite):
    """The agent tells it with each session."""
    await host.ready()
    before = host.pid

    host.configure(site.environment())
    await host.ready()

    assert host.pid == before


async def test_an_attempt_given_up_before_is_not_started(host: TaskHost, site: TaskSite):
    payload = task("simple", "succeeds")
    attempt = site.prepare(payload)
    assert attempt.claim("never") == "never"

    with pytest.raises(TaskHostError, match="no longer wanted"):
        await host.spawn(attempt, server=site.api.url, agent_name=AGENT)

    assert not attempt.output.exists()
    assert attempt.identity() is None
    assert attempt.result() is None
    assert site.api.requests("PATCH", f"{payload['workload']['ti']['id']}/run") == []


async def test_an_attempt_that_runs_is_not_started_a_second_time(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))

    with pytest.raises(TaskHostError, match="no longer wanted"):
        await host.spawn(run.attempt, server=site.api.url, agent_name=AGENT)

    assert run.identity.is_alive()
    (run.attempt.path / "gate").touch()
    assert (await run.result()).state == "success"


async def test_an_attempt_dropped_while_it_runs_leaves_the_zygote_in_peace(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    working = Identity.of(psutil.Process(run.identity.pid).children()[0].pid)

    shutil.rmtree(run.attempt.path)
    os.kill(run.identity.pid, signal.SIGKILL)

    await wait_until_async(lambda: not working.is_alive(), what="its task is killed all the same")
    following = await site.spawn(host, task("simple", "succeeds"))
    assert (await following.result()).state == "success"
    assert not run.attempt.path.exists()


async def test_twenty_start_at_once_and_all_end(host: TaskHost, site: TaskSite):
    began = time.monotonic()
    runs = await asyncio.gather(*(site.spawn(host, task("simple", "succeeds")) for _ in range(20)))
    started = time.monotonic() - began
    ends = [await run.result(timeout=40) for run in runs]

    print(f"20 at once: all started after {started:.3f} s, all ended after {time.monotonic() - began:.3f} s")
    assert {run.identity.pid for run in runs} == {run.identity.pid for run in runs if run.identity.pid}
    assert ends == [Result(exit_code=0, state="success")] * 20
    assert len({run.identity.pid for run in runs}) == 20


async def test_one_after_another_starts_in_milliseconds_and_its_end_is_noticed_at_once(host: TaskHost, site: TaskSite):
    await host.ready()
    took, ran = [], []
    for _ in range(10):
        attempt = site.prepare(task("simple", "succeeds"))
        began = time.monotonic()
        await host.spawn(attempt, server=site.api.url, agent_name=AGENT)
        took.append(time.monotonic() - began)
        await wait_until_async(attempt.result, what="it has ended")
        ran.append(time.monotonic() - began)

    print(f"spawn: median {sorted(took)[5] * 1000:.1f} ms, slowest {max(took) * 1000:.1f} ms")
    print(f"until its end is recorded: median {sorted(ran)[5] * 1000:.0f} ms, slowest {max(ran) * 1000:.0f} ms")
    assert sorted(ran)[5] < 4, "ends are noticed a heartbeat interval late"


async def test_the_zygote_has_one_thread(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("simple", "succeeds"))
    await run.result()

    assert threads_of(host) == 1
