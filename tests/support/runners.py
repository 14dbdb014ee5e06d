"""The runners for commands, as an agent with a state directory would have them."""

from __future__ import annotations

from pathlib import Path

from edge_agent.attempt_dir import Identity
from edge_agent.program import Program
from edge_agent.runners.base import Runner
from edge_agent.runners.local import LocalRunner
from edge_agent.runners.tmux import TmuxCommandRunner
from edge_agent.tmux_server import TmuxServer
from tests.support.waiting import wait_until

NAMES = ("local", "tmux")


def runner_named(name: str, state: Path) -> Runner:
    """Make the runner of this name."""
    attempts = state / "attempts"
    attempts.mkdir(parents=True, exist_ok=True)
    program = Program(state / "program")
    program.keep(in_use=True)
    if name == "local":
        return LocalRunner(program, attempts)
    return TmuxCommandRunner(TmuxServer(state / "tmux"), attempts, program)


def end_tmux(state: Path) -> None:
    """End the tmux server of a state directory, with all it holds."""
    end_server(TmuxServer(state / "tmux"))


def end_server(server: TmuxServer) -> None:
    """End a server if it runs, and wait for that."""
    if server.runs():
        itself = Identity.of(int(server.ask("display-message", "-p", "#{pid}").stdout))
        server.ask("kill-server")
        wait_until(lambda: not itself.is_alive(), what="the tmux server has ended")
