"""The tmux server of an agent: what it needs of a host, where it runs, and what it keeps to itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent import tmux_server
from edge_agent.errors import CannotStart
from edge_agent.tmux_server import TmuxServer, scope_words, session_name
from tests.support.runners import runner_named


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


async def test_the_server_is_for_the_agents_user_alone_and_keeps_nothing_of_the_agent(state, monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_TOKEN", "planted-agent-token")
    runner, server = runner_named("tmux", state), TmuxServer(state / "tmux")
    await runner.prepare()
    assert stat.S_IMODE((state / "tmux").stat().st_mode) == 0o700
    assert "EDGE_AGENT" not in server.ask("show-environment", "-g").stdout
    assert "planted" not in in_proc(server, "environ") + in_proc(server, "cmdline")


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
