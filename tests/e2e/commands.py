"""What tests of commands have: a connection, hosts without Airflow, and runs of Dags of one command."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import create_engine, text

from tests.e2e.holding import is_gone
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.waiting import wait_until

TASK = "run"
NUMBERS = itertools.count(1)


class Commands:
    """Commands by the Dags of ``dags/commands.py``."""

    def __init__(self, bed: AirflowBed) -> None:
        self.bed = bed

    def connect(self) -> None:
        """Make the connection that the Dags have, with a token of its own."""
        token = self.bed.rest.steer("POST", "/tokens", json={"name": f"e2e-{next(NUMBERS)}", "kind": "submit"})["token"]
        at = urlsplit(self.bed.url)
        self.bed.rest.set_connection(
            "e2e_commands", conn_type="edge_agent", schema="http", host=at.hostname, port=at.port, password=token
        )

    def run(self, dag_id: str, command: str = "true", **conf: Any) -> DagRun:
        """Begin a run of a Dag."""
        self.bed.rest.wait_for_dags({dag_id})
        return self.bed.rest.trigger(dag_id, {"command": command, **conf})

    def job(self, run: DagRun, task_id: str = TASK) -> dict[str, Any]:
        """Return the newest job of a task, as the database has it."""
        engine = create_engine(self.bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        find = "SELECT * FROM edge_agent_job WHERE run_id = :run AND task_id = :task ORDER BY queued_at DESC LIMIT 1"
        try:
            with engine.connect() as connection:
                row = connection.execute(text(find), {"run": run.run_id, "task": task_id}).mappings().first()
        finally:
            engine.dispose()
        return dict(row or {})


def command_host(make_host: Callable[..., AgentHost], name: str, queue: str, **values: Any) -> AgentHost:
    """Make a host without Airflow, which runs commands alone."""
    return make_host(name, queue, slots=8, bare=True, **values)


def lines_of(log: str, pattern: str) -> list[str]:
    """Return the lines of a log that are this, whole, in their order."""
    return [line for line in log.splitlines() if re.fullmatch(pattern, line)]


def group(folder: Path) -> str:
    """Return a command that notes its process and a child's, and goes on for ever."""
    return f"echo $$ > {folder}/pids; sleep 1000 & echo $! >> {folder}/pids; echo up; wait"


def wait_for_group(folder: Path) -> list[int]:
    """Wait until both processes of :func:`group` are there."""
    file = folder / "pids"
    read: Callable[[], list[str]] = lambda: file.read_text().split() if file.exists() else []  # noqa: E731  asked again
    pids = wait_until(read, until=lambda found: len(found) == 2, what="the command has started", timeout=60)
    return [int(pid) for pid in pids]


def wait_gone(pids: list[int], timeout: float = 20) -> None:
    """Wait until none of these processes is there."""
    wait_until(lambda: all(is_gone(pid) for pid in pids), what="the command is gone from the host", timeout=timeout)
