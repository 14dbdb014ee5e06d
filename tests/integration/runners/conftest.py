"""Every runner for commands in turn, and what an agent would give it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.runners.base import Runner
from edge_agent.tmux_server import TmuxServer
from tests.support.runner_bed import RunnerBed
from tests.support.runners import NAMES, end_tmux, runner_named


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of the runner."""
    found: str = request.param
    return found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Give a state directory; a tmux server in it ends with the test."""
    yield (folder := tmp_path / "s")
    end_tmux(folder)


@pytest.fixture
def runner(name: str, state: Path) -> Runner:
    """Give the runner of that name."""
    return runner_named(name, state)


@pytest.fixture
async def bed(runner: Runner, state: Path) -> AsyncIterator[RunnerBed]:
    """Give the runner with what an agent gives it."""
    await runner.prepare()
    async with asyncio.TaskGroup() as group:
        yield (it := RunnerBed(runner, state / "attempts", group))
        it.holdings.end_all("shutdown")  # what a failed test has left


@pytest.fixture
def server(state: Path) -> TmuxServer:
    """Give the tmux server of the state directory."""
    return TmuxServer(state / "tmux")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that puts a shell script on the PATH, before all others."""
    (folder := tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(name: str, script: str, *, interpreter: str = "/bin/sh") -> None:
        (folder / name).write_text(f"#!{interpreter}\n{script}\n")
        (folder / name).chmod(0o755)

    return put
