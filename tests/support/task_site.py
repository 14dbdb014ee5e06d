"""A host that runs Airflow tasks, as the task host sees it: Dags, attempts, and an Execution API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.task_host import TaskHost, log_of, task_environment
from tests.support.execution_api import ExecutionApi, Instance
from tests.support.waiting import wait_until_async

AGENT = "agent-one"
TOKEN = "planted-workload-token"


@dataclass
class Run:
    """One attempt on its way: where it is, which process, and what the server knows of it."""

    attempt: AttemptDir
    ti_id: str
    identity: Identity
    log: Path
    instance: Instance

    async def result(self, *, timeout: float = 40) -> Result:
        """Wait until its end is recorded."""
        found = await wait_until_async(self.attempt.result, what=f"{self.attempt.path} has a result", timeout=timeout)
        assert isinstance(found, Result)
        return found

    def said(self) -> str:
        """Return the log of record, then what the supervisor itself said."""
        return "\n".join(file.read_text() for file in (self.log, self.attempt.output) if file.exists())

    async def logged(self, text: str, *, timeout: float = 40) -> None:
        """Wait until the log of record holds a text."""
        await wait_until_async(
            lambda: self.log.exists() and text in self.log.read_text(),
            what=f"the task's log says {text!r}",
            timeout=timeout,
        )


class TaskSite:
    """Folders of one host and the API it talks to. ``dags`` holds the Dag files."""

    def __init__(self, root: Path, api: ExecutionApi) -> None:
        self.root = root
        self.api = api
        self.home = root / "airflow"
        self.dags = root / "dags"
        self.attempts = root / "attempts"
        self.log = root / "task-host.log"
        for folder in (self.home, self.dags, self.attempts):
            folder.mkdir()

    def environment(self, **variables: str) -> dict[str, str]:
        """Return what the agent would give its task host. ``variables`` are the agent's own."""
        # pytest keeps the name of the running test in a variable.
        foreign = ("AIRFLOW", "PYTEST")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        inherited |= {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "EDGE_AGENT_TOKEN": "planted-agent-token",
        }
        return task_environment(
            inherited | variables,
            agent_name=AGENT,
            executor="LocalExecutor,EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor",
            default_queue="default",
            server=self.api.url,
        )

    def dag(self, name: str, source: str) -> None:
        """Write a Dag file."""
        (self.dags / f"{name}.py").write_text(source, encoding="utf-8")

    def prepare(self, payload: dict[str, Any]) -> AttemptDir:
        """Make an attempt as the agent leaves it before the start."""
        attempt = AttemptDir.create(self.attempts, uuid4(), {"job_id": str(uuid4())})
        attempt.write("payload.json", payload)
        return attempt

    async def spawn(self, host: TaskHost, payload: dict[str, Any]) -> Run:
        """Start a payload."""
        attempt = self.prepare(payload)
        identity = await host.spawn(attempt, server=self.api.url, agent_name=AGENT)
        ti_id = str(payload["workload"].get("ti", {}).get("id", ""))
        return Run(attempt, ti_id, identity, attempt.path / log_of(payload), self.api.instance(ti_id))


def task(dag_id: str, task_id: str, *, file: str | None = None, **ti: Any) -> dict[str, Any]:
    """Make the payload of a task, as a confirm answers it. ``file``: the Dag's, named like it by default."""
    ti_id = str(uuid4())
    log_path = f"dag_id={dag_id}/run_id=manual__1/task_id={task_id}/attempt=1.log"
    workload = {
        "type": "ExecuteTask",
        "token": TOKEN,
        "dag_rel_path": f"{file or dag_id}.py",
        "bundle_info": {"name": "dags-folder", "version": None},
        "log_path": log_path,
        "sentry_integration": "",
        "ti": {
            "id": ti_id,
            "task_id": task_id,
            "dag_id": dag_id,
            "run_id": "manual__1",
            "try_number": 1,
            "dag_version_id": str(uuid4()),
            "map_index": -1,
            "hostname": None,
            "context_carrier": None,
            "queue": "onprem",
            "pool_slots": 1,
            "priority_weight": 1,
        }
        | ti,
    }
    return {"workload": workload, "log_path": log_path}
