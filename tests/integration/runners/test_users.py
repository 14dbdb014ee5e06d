"""Commands as another user of the host, whichever runner they have."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.protocol import EndReason
from tests.support.runner_bed import gone
from tests.support.runners import runner_named
from tests.support.waiting import wait_until_async

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users and become one")


@pytest.fixture
def user(tmp_path):
    """Give a user made for this test, in one more group than his own, without a home."""
    name = f"eat{uuid4().hex[:8]}"
    subprocess.run(
        ["useradd", "--no-create-home", "--groups", "games", "--home-dir", f"/home/{name}", name], check=True
    )
    tmp_path.chmod(0o755)
    yield pwd.getpwnam(name)
    subprocess.run(["userdel", name], check=True, capture_output=True)


def live_in(user, home):
    subprocess.run(["usermod", "--home", str(home), user.pw_name], check=True)


@needs_root
async def test_a_command_runs_as_the_user_with_his_groups(bed, user):
    job = await bed.run("id -u; id -g; id -Gn", run_as_user=user.pw_name)
    uid, gid, groups = job.log.decode().splitlines()
    assert (int(uid), int(gid)) == (user.pw_uid, user.pw_gid)
    assert set(groups.split()) == {user.pw_name, "games"}


@needs_root
async def test_he_has_an_environment_of_his_own_and_nothing_of_the_agents(bed, user, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "planted")
    job = await bed.run("env", run_as_user=user.pw_name, env={"COLOUR": "blue"})
    lines = job.log.decode().splitlines()
    expected = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell or "/bin/sh"}
    assert {f"{name}={value}" for name, value in expected.items()} | {"COLOUR=blue"} <= {*lines}
    assert "planted" not in job.log.decode()


@needs_root
async def test_without_a_home_he_begins_in_the_root_directory_and_with_one_there(bed, user, tmp_path):
    assert (await bed.run("pwd", run_as_user=user.pw_name)).log == b"/\n"
    live_in(user, tmp_path)
    assert (await bed.run("pwd", run_as_user=user.pw_name)).log.decode() == f"{tmp_path}\n"


@needs_root
async def test_the_attempt_stays_closed_to_him_and_he_may_open_his_output_by_name(bed, user):
    job = bed.begin(
        "echo begun; echo said > /dev/stderr; echo up; until [ -e /nowhere ]; do sleep 0.05; done",
        run_as_user=user.pw_name,
    )
    await job.says(b"begun\nsaid\nup")
    folder = job.attempt.path.stat()
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (0, 0o700)
    others = [path for path in job.attempt.path.iterdir() if path != job.attempt.output]
    assert {path.stat().st_uid for path in others} == {0}
    bed.cancel(job)
    await job.ended()


@needs_root
async def test_what_he_leaves_is_ended_with_the_job(bed, user):
    job = bed.begin("trap '' TERM; sleep 300 & echo $! up; wait; wait", run_as_user=user.pw_name)
    pid, _ = await job.says(b"up")
    bed.cancel(job)
    await job.ended()
    await gone(pid)


@needs_root
async def test_a_user_the_host_does_not_know_is_refused_before_anything_runs(bed):
    job = await bed.run("true", run_as_user="nobody-of-that-name")
    assert job.ending.reason is EndReason.REJECTED
    assert "Create the user, or name another" in job.ending.message


def test_an_agent_that_is_not_root_refuses_and_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    with pytest.raises(
        CannotStart, match=r"only an agent of root can do; this one runs as 'nobody'\. Run the agent as"
    ):
        runner_named("local", tmp_path).log_of({"command": "true", "run_as_user": "daemon"})


@needs_root
async def test_a_user_who_is_gone_when_the_command_begins_is_told_as_what_cannot_be_run(runner, state):
    """Between the look at him and the start."""
    await runner.prepare()
    attempt = AttemptDir.create(state / "attempts", uuid4(), {"label": "job"})
    attempt.write("payload.json", {"command": "true", "run_as_user": "nobody-of-that-name"})
    identity = await runner.start(attempt)
    result = await wait_until_async(attempt.result, what="it has ended")
    await gone(identity.pid)  # it writes its result first
    assert result.exit_code == 126
    assert "nobody-of-that-name" in result.message


@needs_root
async def test_he_has_nothing_of_root_and_no_way_to_get_it(bed, user):
    """What the kernel says, from inside: ids, groups, capabilities, privileges, and what is open."""
    command = "grep -E 'Uid|Gid|Groups|Umask|NoNew|Cap[^B]' /proc/self/status; ls /proc/self/fd"
    job = await bed.run(command, run_as_user=user.pw_name)
    said = [line.split() for line in job.log.decode().splitlines()]
    status = {words[0].strip(":"): words[1:] for words in said if words[0].endswith(":")}
    assert status["Uid"] == [str(user.pw_uid)] * 4
    assert status["Gid"] == [str(user.pw_gid)] * 4
    assert {*status["Groups"]} == {str(group) for group in os.getgrouplist(user.pw_name, user.pw_gid)}
    assert {words[0] for name, words in status.items() if name.startswith("Cap")} == {"0" * 16}
    assert (status["Umask"], status["NoNewPrivs"]) == (["0022"], ["1"])
    assert [words[0] for words in said if len(words) == 1] == ["0", "1", "2", "3"]  # the last is what `ls` reads


@pytest.fixture
def setuid_id():
    """Give an `id` that belongs to root and says so to whoever runs it."""
    with TemporaryDirectory() as folder:  # where everybody may go
        Path(folder).chmod(0o755)
        program = Path(shutil.copy("/usr/bin/id", folder))
        program.chmod(0o4755)
        yield program


@needs_root
async def test_a_setuid_program_gives_him_nothing_unless_the_policy_lets_it(bed, user, setuid_id):
    command = [str(setuid_id), "-u"]
    assert (await bed.run(command, run_as_user=user.pw_name)).log.decode() == f"{user.pw_uid}\n"
    assert (await bed.run(command, run_as_user=user.pw_name, new_privileges=True)).log == b"0\n"
