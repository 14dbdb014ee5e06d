"""What is ended from outside: by the agent, by an admin, by the kernel. Something always says how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from edge_agent.attempt_dir import Identity, Result
from edge_agent.task_host import TaskHost
from tests.support.task_site import Run, TaskSite, task
from tests.support.waiting import wait_until_async

pytestmark = pytest.mark.asyncio(loop_scope="session")


def start_ticks_seen_by_nobody(pid: int) -> int:
    """Watch a process as an agent does that is not root, and return when it started."""
    script = (
        "import os, sys\n"
        "os.getuid() or os.setuid(65534)\n"
        "os.close(os.pidfd_open(int(sys.argv[1])))\n"
        "print(open(f'/proc/{sys.argv[1]}/stat').read().rpartition(')')[2].split()[19])\n"
    )
    command = [sys.executable, "-I", "-c", script, str(pid)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


async def gone(identity: Identity, what: str) -> None:
    await wait_until_async(lambda: not identity.is_alive(), what=f"{what} is gone")


async def task_process_of(run: Run) -> Identity:
    children = await wait_until_async(
        lambda: psutil.Process(run.identity.pid).children(), what="the supervisor has forked its task"
    )
    return Identity.of(children[0].pid)


async def test_sigterm_to_the_supervisor_lets_the_task_tidy_up(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "killable"))
    await run.logged("waiting for the gate")

    os.kill(run.identity.pid, signal.SIGTERM)

    await run.result()
    assert (run.attempt.path / "killed").exists(), "on_kill did not run"
    await gone(run.identity, "the supervisor")


async def test_sigterm_before_the_task_has_begun_ends_all_at_once(host: TaskHost, site: TaskSite):
    """Airflow's supervisor passes signals on only once its task runs; before that it would just die."""
    payload = task("long", "waits")
    site.api.fail("PATCH", f"{payload['workload']['ti']['id']}/run", 503, times=1000)
    run = await site.spawn(host, payload)
    await wait_until_async(
        lambda: site.api.requests("PATCH", f"{run.ti_id}/run"), what="the supervisor has asked to start"
    )
    waiting = await task_process_of(run)

    os.kill(run.identity.pid, signal.SIGTERM)

    assert await run.result() == Result(exit_code=None, signal=signal.SIGTERM)
    await gone(run.identity, "the supervisor")
    await gone(waiting, "the process of the task")
    site.api.faults.clear()


async def test_kill_9_of_the_supervisor_kills_its_task_and_is_recorded(host: TaskHost, site: TaskSite):
    """Airflow is about to retry the task: the first copy must not run on unwatched."""
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    working = await task_process_of(run)

    os.kill(run.identity.pid, signal.SIGKILL)

    message = "Its supervisor was killed by signal 9."
    assert await run.result() == Result(exit_code=None, signal=9, message=message)
    await gone(working, "the process of the task")


async def test_kill_9_of_the_supervisor_also_kills_what_its_task_moved_to_another_session(
    host: TaskHost, site: TaskSite
):
    """Airflow's Bash operator starts a session of its own."""
    run = await site.spawn(host, task("long", "bash"))
    pid = await wait_until_async(
        lambda: (run.attempt.path / "bash").read_text().strip(),
        what="the shell tells its pid",
        ignoring=(FileNotFoundError,),
    )
    bash = Identity.of(int(pid))

    os.kill(run.identity.pid, signal.SIGKILL)

    await run.result()
    await gone(bash, "the shell")


async def test_a_task_nobody_wants_any_more_is_ended_and_says_so(host: TaskHost, site: TaskSite):
    """Cleared or marked in the UI: Airflow answers the next heartbeat with 410 or 409."""
    run = await site.spawn(host, task("long", "killable"))
    await run.logged("waiting for the gate")

    run.instance.archived = True

    result = await run.result()
    assert (result.exit_code, result.state) == (1, None)
    assert result.message == "Airflow no longer wanted it: 410 not_found."
    assert (run.attempt.path / "killed").exists(), "on_kill did not run"


async def test_each_supervisor_leads_a_session_of_its_own(host: TaskHost, site: TaskSite):
    """What signals the agent's or the zygote's group does not reach it, and it can be ended as a whole."""
    run = await site.spawn(host, task("simple", "tells"))
    await run.result()

    assert site.api.xcoms["simple/manual__1/tells/return_value"]["sid"] == run.identity.pid


async def test_agents_of_any_user_can_watch_a_supervisor_that_hides_its_memory(host: TaskHost, site: TaskSite):
    """Airflow's supervisor makes itself undumpable, which gives its files in /proc to root."""
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    assert start_ticks_seen_by_nobody(run.identity.pid) == run.identity.start_ticks
    (run.attempt.path / "gate").touch()
    await run.result()
