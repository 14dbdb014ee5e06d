"""The site: an Airflow with the plugin, on SQLite, all of it below one directory and on free ports."""

from __future__ import annotations

import json
import secrets
import shlex
import shutil
import signal
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from programs import DemoFailedError, Program, end, environment, free_ports

EXECUTOR = "LocalExecutor,EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor"
USER = "admin"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
STARTED_WITHIN_SECONDS = 180
PATIENCE_SECONDS = 120
"""For one answer: at the first call of a task an API server is busy with itself, longer on a busy machine."""
ENDED_WITHIN_SECONDS = 8.0


class AirflowSite:
    """Airflow's components as processes, and its public API as their only judge."""

    def __init__(self, home: Path, dags: Path) -> None:
        self.home = home
        (home / "logs").mkdir(parents=True)
        shutil.copytree(dags, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        port, *log_ports = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.password = secrets.token_urlsafe(9)
        self._write(home / "passwords.json", json.dumps({USER: self.password}))
        self._environment = self._settings(port, log_ports)
        self.command_line = self._write_command_line()
        self._components = [self._program(name, name) for name in COMPONENTS]
        self._client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False)

    def migrate(self) -> None:
        """Make the database. The queue's tables come with it: Airflow finds them by itself."""
        self._program("airflow db migrate", "db", "migrate").run()

    def start(self) -> None:
        """Start every component."""
        for component in self._components:
            component.start()

    def create_token(self, agent: str, queue: str) -> str:
        """Create an agent token, as an admin does."""
        arguments = ("edge-agent", "tokens", "create", agent, "--queues", queue, "--output", "json")
        written = self._program("airflow edge-agent tokens create", *arguments).run()
        created: Any = json.loads(written)
        token: str = (created[0] if isinstance(created, list) else created)["token"]
        return token

    def wait_until_healthy(self) -> None:
        """Wait for every component to say that it works.

        :raises DemoFailedError: when one ends instead, or says nothing for too long.
        """
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while missing := self._missing():
            if time.monotonic() > deadline:
                logs = [component.log for component in self._components]
                msg = f"Not healthy after {STARTED_WITHIN_SECONDS} s: {', '.join(missing)}."
                raise DemoFailedError(msg, *logs)
            time.sleep(0.25)

    def wait_for_dag(self, dag_id: str, timeout_seconds: float = 60) -> None:
        """Wait until Airflow has read the Dag.

        :raises DemoFailedError: when its file does not load, or is not read in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while self._get(f"/api/v2/dags/{dag_id}").status_code != httpx.codes.OK:
            if errors := self.ask("GET", "/api/v2/importErrors")["import_errors"]:
                raise DemoFailedError("\n".join(each["stack_trace"] for each in errors))
            if time.monotonic() > deadline:
                msg = f"Airflow has not read the Dag {dag_id} after {timeout_seconds:g} s."
                raise DemoFailedError(msg, self.home / "dag-processor.log")
            self.must_run()
            time.sleep(0.25)

    def must_run(self) -> None:
        """Raise when a component has ended.

        :raises DemoFailedError: with its log.
        """
        for component in self._components:
            component.must_run()

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """Ask Airflow's API as the admin, and return the JSON of the answer.

        :raises DemoFailedError: with what Airflow wrote, when it refuses.
        """
        if "Authorization" not in self._client.headers:
            login = self._client.post("/auth/token", json={"username": USER, "password": self.password})
            token = login.raise_for_status().json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            msg = f"{method} {path}: {error}"
            raise DemoFailedError(msg, self.home / "api-server.log") from error
        if not answer.is_success:
            msg = f"{method} {path}: {answer.status_code} {answer.text}"
            raise DemoFailedError(msg, self.home / "api-server.log")
        return answer.json() if answer.content else None

    def end(self) -> None:
        """Ask every component to end, and wait a little."""
        end(self._components, signal.SIGINT, ENDED_WITHIN_SECONDS)

    def _get(self, path: str) -> httpx.Response:
        self.ask("GET", "/api/v2/version")
        return self._client.get(path)

    def _missing(self) -> Sequence[str]:
        """Return which components have not said so far that they are healthy."""
        self.must_run()
        try:
            health = self._client.get("/api/v2/monitor/health").raise_for_status().json()
        except httpx.HTTPError:
            return ["api-server"]
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return [part for part in parts if health.get(part, {}).get("status") != "healthy"]

    def _program(self, name: str, *arguments: str) -> Program:
        return Program(
            name,
            ["airflow", *(arguments or (name,))],
            environment=self._environment,
            home=self.home,
            log=self.home / f"{name.replace(' ', '-')}.log",
        )

    def _settings(self, port: int, log_ports: Sequence[int]) -> dict[str, str]:
        variables = {
            "AIRFLOW_HOME": self.home,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
            "AIRFLOW__CORE__DAGS_FOLDER": self.home / "dags",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": EXECUTOR,
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__LOAD_EXAMPLES": False,
            # The local executor forks this many processes at once; the demo has none for it to run.
            "AIRFLOW__CORE__PARALLELISM": 8,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.home / "passwords.json",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": 10,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": self.home / "logs",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": log_ports[0],
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": log_ports[1],
        }
        return environment(self.home, **{name: str(value) for name, value in variables.items()})

    def _write_command_line(self) -> Path:
        """Write a script that is `airflow` for this site, to try the admin's commands with."""
        path = self.home / "airflow"
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self._environment.items()]
        self._write(path, "\n".join(["#!/bin/sh", *exports, 'exec airflow "$@"', ""]), mode=0o700)
        return path

    @staticmethod
    def _write(path: Path, text: str, mode: int = 0o600) -> None:
        """Write what holds a secret: for its owner alone."""
        path.touch(mode=mode)
        path.write_text(text, encoding="utf-8")
