"""Tasks as another user of the host: what is given up before the first line of the Dag."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from edge_agent.task_host import TaskHost
from tests.support.task_site import TaskSite, task
from tests.support.waiting import wait_until_async

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users and become one"),
]

DAG = """
import os
from airflow.sdk import DAG, task

PARSED_AS = os.getresuid(), os.getresgid(), os.getgroups()

with DAG("whoami", schedule=None):

    @task
    def tells():
        home, here, umask = os.environ["HOME"], os.getcwd(), os.umask(0)
        print(f"parsed {PARSED_AS} runs {os.getresuid()} in {home} {here} {umask:o} as {os.environ['USER']}")
        kept = [name for name in os.listdir(%(attempts)r)] if os.access(%(attempts)r, os.R_OK) else "closed"
        print(f"attempts are {kept}")
        while not os.path.exists(%(gate)r):
            os.sched_yield()

    tells()
"""


@pytest.fixture
def user():
    """Give a user made for this test, in one more group than his own."""
    name = f"eat{uuid4().hex[:8]}"
    subprocess.run(["useradd", "--no-create-home", "--groups", "games", "--home-dir", "/", name], check=True)
    yield pwd.getpwnam(name)
    subprocess.run(["userdel", "--force", name], check=True, capture_output=True)


@pytest.fixture
def open_site(api):
    """Give a host whose Dags everybody may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    site = TaskSite(folder, api)
    site.attempts.chmod(0o700)
    site.dag("whoami", DAG % {"attempts": str(site.attempts), "gate": str(folder / "gate")})
    yield site
    shutil.rmtree(folder)


@pytest_asyncio.fixture(loop_scope="session")
async def host(open_site):
    running = TaskHost(python=sys.executable, environment=open_site.environment(), log=open_site.log)
    await running.ready()
    yield running
    (open_site.root / "gate").touch()  # also when the test has failed
    await running.stop()


async def test_a_task_becomes_the_user_for_good_before_its_dag_is_read(host, open_site, user):
    payload = task("whoami", "tells") | {"run_as_user": user.pw_name, "limits": {"open_files": 99}}
    run = await open_site.spawn(host, payload)
    await run.logged("attempts are")
    ids = (user.pw_uid,) * 3
    (parsed,) = [line for line in run.said().splitlines() if "parsed" in line]
    assert f"parsed ({ids}, {(user.pw_gid,) * 3}, [" in parsed
    assert f"runs {ids} in / / 22 as {user.pw_name}" in parsed
    assert "attempts are closed" in run.said()

    (pid,) = await wait_until_async(lambda: of_user(user.pw_uid), what="the task is the only process of the user")
    has_given_up(pid, user)
    held = links(Path(f"/proc/{pid}/fd"))
    assert [each for each in held if not each.startswith(("socket:", "/dev/null", f"{run.attempt.path}/"))] == []

    (open_site.root / "gate").touch()
    assert (await run.result()).state == "success"
    log = (run.attempt.path / "output.log").stat()
    assert log.st_uid == 0


def has_given_up(pid, user):
    """Assert what the kernel says about a process that became a user."""
    proc = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
    assert status["Uid"].split() == [str(user.pw_uid)] * 4
    assert status["Gid"].split() == [str(user.pw_gid)] * 4
    assert {*status["Groups"].split()} == {str(group) for group in os.getgrouplist(user.pw_name, user.pw_gid)}
    assert {held for name, held in status.items() if name.startswith("Cap") and name != "CapBnd"} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert "Max open files            99" in (proc / "limits").read_text()


def links(folder):
    return [os.readlink(each) for each in folder.iterdir()]  # noqa: PTH115  it leads to no file


def of_user(uid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == uid or f"Uid:\t{uid}\t" in (path / "status").read_text():
                found.append(int(path.name))
        except FileNotFoundError:
            continue
    return found
