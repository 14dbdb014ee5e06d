"""What only tmux has: a session per job that people find, look at and type into, and that dies with its server."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from edge_agent import tmux_server
from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.protocol import EndReason, JobState
from edge_agent.tmux_server import TmuxServer, scope_words, session_name
from tests.support.runner_bed import gone, lives
from tests.support.runners import runner_named
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until_async

LOOP = "while :; do sleep 0.05; done"


@pytest.fixture
def name():
    return "tmux"


@pytest.fixture
def server(state):
    return TmuxServer(state / "tmux")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Give a function that puts a shell script on the PATH, before all others."""
    (folder := tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(name, script, *, interpreter="/bin/sh"):
        (folder / name).write_text(f"#!{interpreter}\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def screen(server, session):
    return server.ask("capture-pane", "-p", "-t", f"={session}:").stdout


def pid_of(server):
    return int(server.ask("display-message", "-p", "#{pid}").stdout)


def in_proc(server, name):
    return Path(f"/proc/{pid_of(server)}/{name}").read_text()


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("dag.task run:1 try 2", "dag_task_run_1_try_2-01234567"),
        ("=x; #{pid}", "_x_pid_-01234567"),
        ("y" * 200, "y" * 60 + "-01234567"),
        ("", "-01234567"),
    ],
)
def test_a_session_is_named_after_its_job_in_characters_that_tmux_takes(label, name):
    assert session_name(label, UUID("01234567-0123-4567-89ab-0123456789ab")) == name


async def test_each_job_has_a_session_that_is_gone_when_it_ends(bed, server):
    jobs = [bed.begin(f"echo up; {LOOP}", label="nightly.load") for _ in range(2)]
    for job in jobs:
        await job.says(b"up")
    names = [session_name("nightly.load", job.assignment.id) for job in jobs]
    assert sorted(server.names()) == sorted(names)
    for job in jobs:
        bed.cancel(job)
        await job.ended()
    await wait_until_async(server.names, until=lambda left: not left, what="no session is left")
    assert server.runs(), "it waits for the next job"


async def test_whoever_looks_sees_what_goes_to_the_log(bed, server):
    job = bed.begin(f"echo one; echo two >&2; {LOOP}")
    await job.says(b"two")
    session = session_name("job", job.assignment.id)
    await wait_until_async(lambda: screen(server, session), until=lambda seen: "one\ntwo\n" in seen, what="it is shown")
    bed.cancel(job)
    await job.ended()


def test_a_terminal_that_is_far_behind_skips_and_says_so(tmp_path):
    (tmp_path / "output").write_bytes(b"x" * 300_000 + b"\nend\n")
    program = "from pathlib import Path; from edge_agent.runners.terminal import follow; follow(Path('output'), bool)"
    with Terminal([sys.executable, "-c", program], environment=os.environ, cwd=tmp_path) as terminal:
        assert terminal.ended() == 0
        terminal.shows("[... 234469 bytes not shown here; all of it is in the job's log]")
        terminal.shows("x\r\nend\r\n")
        assert 65_000 < len(terminal.seen()) < 66_000


async def test_what_is_typed_reaches_the_command(bed, server):
    job = bed.begin("echo name?; read name; echo hello $name")
    await job.says(b"name?")
    server.ask("send-keys", "-t", f"={session_name('job', job.assignment.id)}:", "you", "Enter")
    assert (await job.ended()).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"name?\nhello you\n"


@pytest.mark.parametrize(("key", "number"), [("C-c", signal.SIGINT), ("C-\\", signal.SIGQUIT)])
async def test_a_key_that_interrupts_ends_the_command_and_is_told_as_its_signal(bed, server, key, number):
    job = bed.begin(["sh", "-c", "echo up; exec sleep 300"])
    await job.says(b"up")
    server.ask("send-keys", "-t", f"={session_name('job', job.assignment.id)}:", key)
    assert ((await job.ended()).reason, job.ending.signal) == (EndReason.SIGNAL, number)


async def test_ctrl_z_does_not_stop_it_for_ever(bed, server):
    job = bed.begin("echo up; read answer; echo got $answer")
    await job.says(b"up")
    session = f"={session_name('job', job.assignment.id)}:"
    server.ask("send-keys", "-t", session, "C-z", "C-u", "yes", "Enter")
    await job.ended()
    assert bytes(job.log) == b"up\ngot yes\n"


@pytest.mark.parametrize("how", ["kill-session", "kill-server", "SIGKILL"])
@pytest.mark.parametrize("trap", ["", "trap '' HUP; ", "trap 'exit 0' HUP TERM; "])
async def test_a_session_or_server_that_is_killed_ends_its_jobs_as_failed_by_a_signal(bed, server, how, trap):
    job = bed.begin(f"{trap}setsid sleep 300 & echo $! $$ up; {LOOP}")
    grandchild, shell, _ = await job.says(b"up")
    if how == "SIGKILL":
        os.kill(pid_of(server), signal.SIGKILL)
    else:
        server.ask(how, *(["-t", f"={session_name('job', job.assignment.id)}"] * (how == "kill-session")))
    assert ((await job.ended()).state, job.ending.reason) == (JobState.FAILED, EndReason.SIGNAL)
    assert (job.ending.signal, "tmux session was killed" in job.ending.message) == (signal.SIGHUP, True)
    for pid in (grandchild, shell):
        await gone(pid)


async def test_what_ignores_the_end_of_its_terminal_is_killed_although_no_agent_is_there(bed, server):
    """The wrapper sees to it: nobody else would."""
    job = bed.begin(f"trap '' HUP TERM; echo $$ up; {LOOP}")
    shell, _ = await job.says(b"up")
    server.ask("kill-server")
    assert (await job.ended()).reason is EndReason.SIGNAL
    assert not lives(shell)


async def test_a_job_after_the_server_was_killed_gets_another_one(bed, server):
    os.kill(pid_of(server), signal.SIGKILL)
    await wait_until_async(lambda: not server.runs(), what="the server is gone")
    assert (await bed.run("echo fine")).log == b"fine\n"


async def test_the_server_is_for_the_agents_user_alone_and_keeps_nothing_of_the_agent(state, monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_TOKEN", "planted-agent-token")
    runner, server = runner_named("tmux", state), TmuxServer(state / "tmux")
    await runner.prepare()
    assert stat.S_IMODE((state / "tmux").stat().st_mode) == 0o700
    assert "EDGE_AGENT" not in server.ask("show-environment", "-g").stdout
    assert "planted" not in in_proc(server, "environ") + in_proc(server, "cmdline")


async def test_an_agent_that_leaves_ends_its_server_when_nothing_runs_there_and_only_then(bed, server):
    job = bed.begin(f"echo up; {LOOP}")
    await job.says(b"up")
    await bed.runner.close()
    assert server.runs()
    bed.cancel(job)
    await job.ended()
    await wait_until_async(server.names, until=lambda left: not left, what="no session is left")
    await bed.runner.close()
    await wait_until_async(lambda: not server.runs(), what="the server has ended")
    await bed.runner.close()


async def test_a_session_that_somebody_keeps_open_is_closed_once_its_job_is_over(bed, server):
    """By another window in it. A session he has opened by himself is left alone."""
    job = bed.begin(f"echo up; {LOOP}")
    await job.says(b"up")
    session = session_name("job", job.assignment.id)
    server.ask("new-window", "-d", "-t", f"={session}:", "sleep 300")
    server.ask("new-session", "-d", "-s", "mine", "sleep 300")
    bed.cancel(job)
    await job.ended()
    await wait_until_async(lambda: not job.attempt.path.exists(), what="the attempt is over")
    assert session in server.names()
    await bed.runner.prepare()
    assert server.names() == ["mine"]


async def test_a_job_that_is_cancelled_while_it_starts_never_runs(bed, tmp_path):
    proof = tmp_path / "ran"
    job = bed.begin(f"touch {proof}")
    job.attempt.claim("never")
    assert (await job.ended()).reason is EndReason.REJECTED
    assert not proof.exists()


async def test_a_wrapper_that_cannot_begin_says_why_in_the_log(bed, monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    job = await bed.run("true")
    assert job.ending.reason is EndReason.REJECTED
    assert "/no/such/python" in job.ending.message


async def test_a_host_without_tmux_says_what_to_do(state, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match=r"tmux is not installed on this host.* Install it"):
        await runner_named("tmux", state).prepare()


async def test_a_tmux_that_is_too_old_says_what_to_do(state, programs):
    programs("tmux", "echo tmux 2.6")
    with pytest.raises(CannotStart, match=r"'tmux 2.6' on this host is too old.*install 2.7 or newer"):
        await runner_named("tmux", state).prepare()


async def test_a_socket_path_that_is_too_long_says_what_to_do(tmp_path):
    with pytest.raises(CannotStart, match=r"Give the agent a shorter EDGE_AGENT_STATE_DIR"):
        await runner_named("tmux", tmp_path / ("x" * 100)).prepare()


async def test_a_tmux_that_refuses_is_told(state, programs):
    programs("tmux", '[ "$1" = -V ] && echo tmux 3.3a || { echo no terminal for you >&2; exit 1; }')
    with pytest.raises(CannotStart, match="could not be started: no terminal for you"):
        await runner_named("tmux", state).prepare()


async def test_a_tmux_that_hangs_is_told(state, programs, monkeypatch):
    monkeypatch.setattr(tmux_server, "ANSWER_SECONDS", 0.2)
    programs("tmux", '[ "$1" = -V ] && echo tmux 3.3a || exec sleep 300')
    with pytest.raises(CannotStart, match="did not answer within"):
        await runner_named("tmux", state).prepare()


def test_without_systemd_nothing_stands_before_the_server():
    if not tmux_server.SYSTEMD_RUNS.is_dir():
        assert scope_words() == []


@pytest.mark.parametrize(("uid", "whose"), [(0, []), (1000, ["--user"])])
def test_where_systemd_runs_the_server_gets_a_scope_of_its_own(tmp_path, programs, monkeypatch, uid, whose):
    monkeypatch.setattr(tmux_server, "SYSTEMD_RUNS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    programs("systemd-run", "")
    *words, unit, end = scope_words()
    assert words == ["systemd-run", *whose, "--scope", "--collect", "--quiet"]
    assert unit.startswith("--unit=edge-agent-tmux-")
    assert end == "--"


@pytest.mark.parametrize("works", [True, False])
async def test_the_server_runs_in_its_scope_or_without_one_and_that_is_told(
    state, tmp_path, programs, monkeypatch, caplog, works
):
    """A stand-in for systemd-run notes what it is to run. A host whose systemd refuses runs jobs all the same."""
    monkeypatch.setattr(tmux_server, "SYSTEMD_RUNS", tmp_path)
    begin = f'echo "$@" > {tmp_path}/asked; while [ "$1" != -- ]; do shift; done; shift'
    programs("systemd-run", f'{begin}; exec "$@"' if works else "echo Failed to connect to bus >&2; exit 1")
    await runner_named("tmux", state).prepare()
    assert TmuxServer(state / "tmux").runs()
    if works:
        assert "start-server" in (tmp_path / "asked").read_text()
        assert caplog.records == []
    else:
        assert "Failed to connect to bus" in caplog.text
        assert "KillMode=process" in caplog.text


async def test_a_process_that_hangs_before_it_begins_is_given_up_and_can_begin_no_more(
    bed, server, tmp_path, monkeypatch
):
    """Its session is closed with the next look at what is over."""
    (stuck := tmp_path / "stuck").write_text("#!/bin/sh\nexec sleep 300\n")
    stuck.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(stuck))
    monkeypatch.setattr("edge_agent.runners.tmux.BEGIN_SECONDS", 0.2)
    job = await bed.run("true")
    assert job.ending.reason is EndReason.REJECTED
    await wait_until_async(lambda: not job.attempt.path.exists(), what="the attempt is over")
    await bed.runner.prepare()
    assert server.names() == []


async def test_a_session_that_tmux_does_not_open_is_told(bed, server):
    server.open("twice", ["sleep", "300"])
    with pytest.raises(CannotStart, match="could not open a session: duplicate session: twice"):
        server.open("twice", ["sleep", "300"])


async def test_a_disk_that_takes_no_environment_is_told(bed, tmp_path):
    with pytest.raises(CannotStart, match="disk did not take it: No such file or directory"):
        await bed.runner.start(AttemptDir(tmp_path / str(uuid4())))


async def test_a_directory_for_the_socket_that_cannot_be_made_is_told(state):
    state.mkdir()
    (state / "tmux").touch()
    with pytest.raises(CannotStart, match="of the tmux socket cannot be made: File exists"):
        await runner_named("tmux", state).prepare()


async def test_a_tmux_that_cannot_be_run_is_told(state, programs, monkeypatch):
    programs("tmux", "", interpreter="/no/such/interpreter")
    monkeypatch.setenv("PATH", os.environ["PATH"].partition(":")[0])
    with pytest.raises(CannotStart, match="tmux could not be run: No such file or directory"):
        await runner_named("tmux", state).prepare()


async def test_an_agent_leaves_although_tmux_hangs(bed, programs, monkeypatch):
    monkeypatch.setattr(tmux_server, "ANSWER_SECONDS", 0.2)
    programs("tmux", "exec sleep 300")
    await bed.runner.close()
    programs("tmux", 'exec /usr/bin/tmux "$@"')


async def test_a_file_that_was_cut_is_shown_from_its_beginning(bed, server):
    job = bed.begin(f"echo first; read answer; echo 2nd; {LOOP}")
    await job.says(b"first")
    session = session_name("job", job.assignment.id)
    await wait_until_async(lambda: screen(server, session), until=lambda seen: "first" in seen, what="it is shown")
    os.truncate(job.attempt.output, 0)
    server.ask("send-keys", "-t", f"={session}:", "Enter")
    await wait_until_async(lambda: screen(server, session), until=lambda seen: "2nd" in seen, what="the rest is shown")
    bed.cancel(job)
    await job.ended()


def test_a_terminal_that_is_gone_keeps_nothing_from_running(tmp_path):
    """Its session may be killed at any moment, also between two lines of the wrapper."""
    master, slave = os.openpty()
    os.close(master)
    (tmp_path / "output").write_text("said")
    program = (
        "from pathlib import Path; from edge_agent.runners import terminal as it; "
        "it.make_ready(); it.take(); it.take_back(); it.follow(Path('output'), lambda _seconds: False); print('on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=slave, check=True, capture_output=True, text=True, cwd=tmp_path
    )
    os.close(slave)
    assert done.stdout == "on\n"
