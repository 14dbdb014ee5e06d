"""Airflow's tasks: handed to the task host, which forks a supervisor for each; or in tmux, one interpreter each.

Imported only where this agent takes tasks; even then Airflow itself is imported by a child process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.counts import Counts
from edge_agent.errors import CannotStart
from edge_agent.protocol import AirflowSettings
from edge_agent.runners.base import Runner
from edge_agent.runners.tmux import TmuxRunner
from edge_agent.task_host import TaskHost, log_of, task_environment
from edge_agent.task_logs import Where
from edge_agent.tmux_server import TmuxServer


class TaskRunner(Runner):
    """Runs task jobs of one site. ``server``: URL of its Execution API. ``log``: what the task host says.

    ``way``: how the server is reached, see :func:`edge_agent.task_host.way_of`. ``task_logs``: where logs go.
    """

    def __init__(
        self,
        *,
        agent_name: str,
        server: str,
        log: Path,
        way: Mapping[str, str],
        task_logs: Where = "push",
        counts: Counts | None = None,
    ) -> None:
        self._task_logs = task_logs
        self._agent_name = agent_name
        self._server = server
        self._way = way
        self._log = log
        self._counts = counts
        self._host: TaskHost | None = None
        self._airflow: AirflowSettings | None = None

    @override
    def configure(self, airflow: AirflowSettings) -> None:
        if airflow == self._airflow:
            return
        self._airflow = airflow
        environment = _environment(airflow, self._agent_name, self._server, self._way, self._task_logs)
        if self._host is None:
            self._host = TaskHost(python=sys.executable, environment=environment, log=self._log, counts=self._counts)
        else:
            self._host.configure(environment)

    @override
    async def prepare(self) -> None:
        await self._known_host().ready()

    @override
    async def start(self, attempt: AttemptDir) -> Identity:
        return await self._known_host().spawn(attempt, server=self._server, agent_name=self._agent_name)

    @override
    def log_of(self, payload: dict[str, Any]) -> str:
        return log_of(payload)

    @override
    async def close(self) -> None:
        if self._host is not None:
            await self._host.stop()

    def _known_host(self) -> TaskHost:
        if self._host is None:
            raise CannotStart(NOT_KNOWN)
        return self._host


class TmuxTaskRunner(TmuxRunner):
    """Runs task jobs of one site in tmux, each 3 to 4 s later than the task host would: without a zygote."""

    def __init__(
        self,
        server: TmuxServer,
        attempts: Path,
        *,
        agent_name: str,
        execution_api: str,
        way: Mapping[str, str],
        task_logs: Where = "push",
    ) -> None:
        super().__init__(server, attempts)
        self._task_logs = task_logs
        self._way = way
        self._agent_name = agent_name
        self._execution_api = execution_api
        self._airflow: AirflowSettings | None = None

    @override
    def configure(self, airflow: AirflowSettings) -> None:
        self._airflow = airflow

    @override
    def words_of(self, attempt: AttemptDir) -> list[str]:
        return [sys.executable, "-P", "-m", "edge_agent.task_host.alone", str(attempt.path)]

    @override
    def environment(self) -> dict[str, str]:
        if self._airflow is None:
            raise CannotStart(NOT_KNOWN)
        return _environment(self._airflow, self._agent_name, self._execution_api, self._way, self._task_logs)

    @override
    def log_of(self, payload: dict[str, Any]) -> str:
        return log_of(payload)


NOT_KNOWN = "The site's Airflow settings are not known yet: this agent never registered."


def _environment(
    airflow: AirflowSettings, agent_name: str, server: str, way: Mapping[str, str], task_logs: Where
) -> dict[str, str]:
    return task_environment(
        os.environ,
        agent_name=agent_name,
        executor=airflow.executor,
        default_queue=airflow.default_queue,
        server=server,
        way=way,
        task_logs=task_logs,
    )
