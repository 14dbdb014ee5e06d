"""The supervisor of one attempt in an interpreter of its own, without a zygote: what runs in a tmux session.

Run as ``python -m edge_agent.task_host.alone <attempt directory>``, in a terminal and as the leader of an
OS session. It imports Airflow by itself and begins 3 to 4 s later than a fork, but nothing stands between
the terminal and the task. What it dies of, nobody records: the agent takes it for what it is.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from edge_agent.attempt_dir import AttemptDir
from edge_agent.runners import terminal
from edge_agent.task_host.child import become
from edge_agent.task_host.environment import AGENT_NAME, SERVER
from edge_agent.task_host.messages import Spawn


def main(directory: str) -> NoReturn:
    """Run one attempt."""
    attempt = AttemptDir(Path(directory))
    terminal.take_environment(attempt)
    os.dup(terminal.STDIN)  # tmux gives a terminal up that nobody holds, and a supervisor reads from nowhere
    _show(attempt.path / attempt.progress().log)
    become(Spawn(0, directory, os.environ[SERVER], os.environ[AGENT_NAME]), None)


def _show(log: Path) -> None:
    """Show the task's log on the terminal, from a process of its own: Airflow forks, and wants no threads."""
    supervisor = os.getpid()
    if os.fork() != 0:
        return

    def is_over(seconds: float) -> bool:
        time.sleep(seconds)
        return os.getppid() != supervisor

    terminal.follow(log, is_over)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
