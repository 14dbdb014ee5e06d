"""What only tmux has: a session per job that people find, look at and type into, and that dies with its server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from uuid import uuid4

import pytest

from edge_agent import tmux_server
from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.protocol import EndReason, JobState
from edge_agent.tmux_server import session_name
from tests.support.runner_bed import gone, lives
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until_async

LOOP = "while :; do sleep 0.05; done"


@pytest.fixture
def name():
    return "tmux"


def screen(server, session):
    return server.ask("capture-pane", "-p", "-t", f"={session}:").stdout


def pid_of(server):
    return int(server.ask("display-message", "-p", "#{pid}").stdout)


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


async def test_what_never_began_leaves_no_environment_where_failed_attempts_are_kept(bed, monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    attempt = AttemptDir.create(bed.attempts, uuid4(), {"label": "job"})
    with pytest.raises(CannotStart, match="ended before it began"):
        await bed.runner.start(attempt)
    assert not (attempt.path / "env.json").exists()
