"""A whole real Airflow: api-server, scheduler, Dag processor and triggerer, each a process of its own.

Everything is below one directory and on free ports, so that beds stand beside each other. Replicas of
the API server have a log folder of their own, as they do on different machines.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx

from tests.support.airflow_rest import AirflowRest
from tests.support.fernet import FERNET_KEY
from tests.support.ports import free_port, free_ports
from tests.support.process import Process, clean_environment, program, stop_all
from tests.support.waiting import wait_until

EXECUTOR = "LocalExecutor,EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor"
WARM = str(Path(__file__).with_name("warm_scheduler.py"))
STARTED_WITHIN = 120
"""Seconds for all components on a machine that does other things too; a quiet one takes about 20."""

QUICK = {
    # The server judges, repairs and hands back in test time, not in the time of a satellite link.
    "AIRFLOW__EDGE_AGENT__HEARTBEAT_SECONDS": "2",
    "AIRFLOW__EDGE_AGENT__OFFER_SECONDS": "5",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    # A Dag file that has changed is read at once; one that has not, every 30 s if nothing is said.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
}


@dataclass(frozen=True)
class Part:
    """One component: its process, and how Airflow calls its job (an API server has none)."""

    process: Process
    job: str | None
    started: list[datetime]


class AirflowBed:
    """One Airflow. ``parts`` holds its components by name; ``rest`` asks the first API server.

    ``database_url``: of a migrated database. ``dags``: a folder, copied. ``settings``: more environment
    variables for all components, over those of ``pace``, which is none where Airflow's and our own defaults
    are what is to be seen. ``path``: below which all of it is to be found, such as ``/airflow``. ``apps``: what its
    API server serves. One without the Execution API, which only tasks ask, starts in two thirds of the time. ``warm``:
    schedulers import before what tasks of the local executor else import each, which nobody may measure then.
    """

    def __init__(
        self,
        home: Path,
        database_url: str,
        *,
        dags: Path | None = None,
        settings: Mapping[str, str] | None = None,
        executor: str = EXECUTOR,
        pace: Mapping[str, str] = MappingProxyType(QUICK),
        path: str = "",
        apps: str = "all",
        warm: bool = False,
    ) -> None:
        self.home = home
        self.dags = home / "dags"
        home.mkdir(parents=True, exist_ok=True)
        if dags is None:
            self.dags.mkdir()
        else:
            shutil.copytree(dags, self.dags, ignore=shutil.ignore_patterns("__pycache__"))
        self.port = free_port()
        self.path = path
        self.apps = apps
        self.warm = warm
        self.environment = self._environment(database_url, executor) | dict(pace) | dict(settings or {})
        self.parts: dict[str, Part] = {}
        self.rest = AirflowRest(self.url)
        self._client = httpx.Client(trust_env=False)
        self._add("api-server", ["api-server", "--apps", apps], None)
        self._add("scheduler", ["scheduler"], "SchedulerJob")
        self._add("dag-processor", ["dag-processor"], "DagProcessorJob")
        self._add("triggerer", ["triggerer"], "TriggererJob")

    @property
    def url(self) -> str:
        """Where the first API server answers."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def start(self, *names: str) -> Self:
        """Start components, all when none is named, at the same time, and wait until they are healthy."""
        self.launch(*names)
        self.wait_healthy(*names)
        return self

    def launch(self, *names: str) -> None:
        """Start components without waiting for them."""
        for name in names or self.parts:
            self.parts[name].started[:] = [datetime.now(tz=UTC)]
            self.parts[name].process.start()

    def wait_healthy(self, *names: str) -> None:
        """Wait until the named components, or all, have said so themselves since they were started."""
        for name in names or self.parts:
            part = self.parts[name]
            wait_until(
                partial(self._is_healthy, part),
                what=f"{name} is healthy",
                timeout=STARTED_WITHIN,
                interval=0.25,
                ignoring=(httpx.TransportError,),
            )

    def beats_since(self, when: datetime, *names: str) -> bool:
        """Whether as many of these components as keep a job in the database have beaten since then."""
        kinds = Counter(kind for name in names if (kind := self.parts[name].job) is not None)
        return all(
            sum(datetime.fromisoformat(job["latest_heartbeat"]) >= when for job in self.rest.running_jobs(kind))
            >= count
            for kind, count in kinds.items()
        )

    def stop(self, *names: str) -> None:
        """Ask components, or all, to end, at the same time, and wait."""
        stop_all(self.parts[name].process for name in names or self.parts)

    def kill(self, *names: str) -> None:
        """SIGKILL components with their process groups, as a crash or the kernel would."""
        for name in names or self.parts:
            self.parts[name].process.kill()

    def restart(self, *names: str) -> None:
        """Stop and start components, or all."""
        self.stop(*names)
        self.start(*names)

    def add_api_server(self, settings: Mapping[str, str] | None = None, *, apps: str | None = None) -> AirflowRest:
        """Start one more API server, with a log folder of its own, and return its API.

        ``settings``: more environment variables, over those of the bed. ``apps``: what it serves; None: the same.
        """
        port, number = free_port(), len(self.parts)
        name = f"api-server-{number}"
        logs = self.home / f"logs-{number}"
        own = {
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
            **(settings or {}),
        }
        self._add(name, ["api-server", "--apps", apps or self.apps], None, own)
        self.start(name)
        return AirflowRest(own["AIRFLOW__API__BASE_URL"])

    def add_scheduler(self) -> str:
        """Start one more scheduler and return its name. Needs a database that two can lock."""
        name = f"scheduler-{len(self.parts)}"
        own = {"AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port())}
        self._add(name, ["scheduler"], "SchedulerJob", own)
        self.start(name)
        return name

    def airflow(self, *arguments: str) -> str:
        """Run Airflow's command line as an admin on the server would; return its standard output.

        :raises AssertionError: with all its output, when it fails.
        """
        command = [program("airflow"), *arguments]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        shown = " ".join(["airflow", *arguments])
        assert done.returncode == 0, f"{shown}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def create_token(self, agent: str, queues: Sequence[str], **bounds: Any) -> str:
        """Create the token with which an agent of that name may serve these queues. ``bounds``: as the API has them."""
        token: str = self.rest.steer("POST", "/tokens", json={"name": agent, "queues": [*queues]} | bounds)["token"]
        return token

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Kill everything: nobody will use this Airflow again, so that nothing is gained by asking."""
        for part in self.parts.values():
            part.process.kill_family()
        self.rest.close()
        self._client.close()

    def _add(self, name: str, arguments: Sequence[str], job: str | None, own: Mapping[str, str] | None = None) -> None:
        begin = [sys.executable, "-P", WARM] if self.warm and arguments[0] == "scheduler" else [program("airflow")]
        process = Process(
            name,
            [*begin, *arguments],
            environment=self.environment | dict(own or {}),
            log=self.home / f"{name}.log",
            cwd=self.home,
        )
        self.parts[name] = Part(process, job, [])

    def _is_healthy(self, part: Part) -> bool:
        part.process.must_run()
        if part.job is None:
            return self._client.get(f"{part.process.environment['AIRFLOW__API__BASE_URL']}/api/v2/version").is_success
        begun = (datetime.fromisoformat(job["start_date"]) for job in self.rest.running_jobs(part.job))
        return any(when >= part.started[-1] for when in begun)

    def _environment(self, database_url: str, executor: str) -> dict[str, str]:
        log_ports = free_ports(2)
        variables = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": executor,
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # The local executor forks this many at once; the tests' own work waits at agents.
            "AIRFLOW__CORE__PARALLELISM": "12",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[0]),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[1]),
        }
        return clean_environment(self.home, **variables)
