"""Airflow tasks in tmux: an interpreter each, without a zygote, and the same ends."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from edge_agent.attempt_dir import Identity, Result
from edge_agent.errors import CannotStart
from edge_agent.progress import Progress
from edge_agent.protocol import AirflowSettings
from edge_agent.runners.task import TmuxTaskRunner
from edge_agent.tmux_server import TmuxServer
from tests.support.runners import end_server
from tests.support.task_site import AGENT, TOKEN, Run, task
from tests.support.waiting import wait_until_async


@pytest.fixture
def server(tmp_path):
    it = TmuxServer(tmp_path / "tmux")
    yield it
    end_server(it)


@pytest.fixture
def runner(own_site, server, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(own_site.home))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(own_site.dags))
    monkeypatch.setenv("EDGE_AGENT_TOKEN", "planted-agent-token")
    it = TmuxTaskRunner(server, own_site.attempts, agent_name=AGENT, execution_api=own_site.api.url, way={})
    it.configure(AirflowSettings(executor="LocalExecutor,EdgeAgentExecutor:x.Y", default_queue="default"))
    return it


@pytest.fixture
def start(runner, own_site):
    async def started(payload):
        await runner.prepare()
        attempt = own_site.prepare(payload)
        attempt.write_progress(Progress(log=runner.log_of(payload)))
        identity = await runner.start(attempt)
        ti_id = str(payload["workload"]["ti"]["id"])
        return Run(attempt, ti_id, identity, attempt.path / runner.log_of(payload), own_site.api.instance(ti_id))

    return started


async def gone(identity):
    await wait_until_async(lambda: not identity.is_alive(), what="it is gone")


async def test_a_task_succeeds_in_a_session_of_its_own_and_leaves_none(start, server, own_site):
    run = await start(task("simple", "tells"))
    assert await run.result(timeout=60) == Result(exit_code=0, state="success"), run.said()
    assert own_site.api.xcoms["simple/manual__1/tells/return_value"]["sid"] == run.identity.pid
    await gone(run.identity)
    await wait_until_async(server.names, until=lambda left: not left, what="no session is left")


async def test_a_task_that_raises_has_failed(start):
    run = await start(task("simple", "fails"))
    assert await run.result(timeout=60) == Result(exit_code=1, state="failed")
    assert "on purpose" in run.log.read_text()


async def test_whoever_looks_sees_the_tasks_log_and_no_secret_is_in_tmux(start, server):
    run = await start(task("long", "waits"))
    await run.logged("waiting for the gate", timeout=60)
    (session,) = server.names()
    await wait_until_async(
        lambda: server.ask("capture-pane", "-p", "-t", f"={session}:").stdout,
        until=lambda seen: "waiting for the gate" in seen,
        what="the terminal shows the task's log",
    )
    pid = server.ask("display-message", "-p", "#{pid}").stdout.strip()
    kept = [server.ask("show-environment", *where).stdout for where in (["-g"], ["-t", f"={session}"])]
    kept += [" ".join(psutil.Process(int(each)).cmdline()) for each in (pid, run.identity.pid)]
    assert [secret for secret in (TOKEN, "planted-agent-token") for text in kept if secret in text] == []
    assert not (run.attempt.path / "env.json").exists()
    viewer, _ = sorted(psutil.Process(run.identity.pid).children(), key=psutil.Process.create_time)
    viewer.kill()
    await wait_until_async(lambda: viewer.status() == psutil.STATUS_ZOMBIE, what="nobody shows it any more")
    assert server.names() == [session], "its terminal is still held"
    (run.attempt.path / "gate").touch()
    assert (await run.result()).state == "success"


@pytest.mark.parametrize("how", ["SIGTERM", "kill-session"])
async def test_a_task_that_is_ended_may_tidy_up(start, server, how):
    run = await start(task("long", "killable"))
    await run.logged("waiting for the gate", timeout=60)
    if how == "SIGTERM":
        os.kill(run.identity.pid, signal.SIGTERM)
    else:
        server.ask("kill-session", "-t", f"={server.names()[0]}")
    await run.result()
    assert (run.attempt.path / "killed").exists(), "on_kill did not run"
    await gone(run.identity)


async def test_nothing_is_left_of_a_task_whose_session_is_killed_before_it_began(start, server):
    run = await start(task("simple", "succeeds"))
    children = {Identity.of(child.pid) for child in psutil.Process(run.identity.pid).children()}
    server.ask("kill-server")
    assert (await run.result()).exit_code != 0
    for identity in (run.identity, *children):
        await gone(identity)


async def test_before_the_first_session_nothing_can_start(server, own_site):
    runner = TmuxTaskRunner(server, own_site.attempts, agent_name=AGENT, execution_api=own_site.api.url, way={})
    attempt = own_site.prepare(task("simple", "succeeds"))
    with pytest.raises(CannotStart, match="not known yet"):
        await runner.start(attempt)
