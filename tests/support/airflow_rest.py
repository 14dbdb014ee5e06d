"""Airflow's public REST API, as the judge of what happened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.waiting import wait_until

ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
Json = Any
"""What an endpoint answered; its shape is Airflow's."""


class AirflowRest:
    """One API server's public API, as its only admin.

    ``login``: name and password, where not everybody who asks is an admin.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.login: tuple[str, str] | None = None
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._known_dags: set[str] = set()

    def ask(self, method: str, path: str, **arguments: Any) -> Json:
        """Send one request below ``/api/v2`` and return its JSON (None for an empty answer).

        :raises AssertionError: with what Airflow wrote, when it refuses.
        """
        return self._ask(method, f"/api/v2{path}", arguments)

    def steer(self, method: str, path: str, **arguments: Any) -> Json:
        """Send one request to what the plugin has for admins. Its command line takes as long as Airflow's import.

        :raises AssertionError: with what it wrote, when it refuses.
        """
        return self._ask(method, f"/edge_agent/v1/ui{path}", arguments)

    def _ask(self, method: str, path: str, arguments: dict[str, Any]) -> Json:
        if "Authorization" not in self._client.headers:
            self._client.headers["Authorization"] = f"Bearer {self.log_in()}"
        answer = self._client.request(method, path, **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def log_in(self) -> str:
        """Return a token of the admin's."""
        if self.login is None:
            answer = self._client.get("/auth/token")
        else:
            answer = self._client.post("/auth/token", json=dict(zip(("username", "password"), self.login, strict=True)))
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def running_jobs(self, kind: str) -> list[Json]:
        """Return Airflow's own components of a kind, such as ``SchedulerJob``, that say they run."""
        parameters: dict[str, Any] = {"job_type": kind, "is_alive": True, "order_by": "-start_date"}
        jobs: list[Json] = self.ask("GET", "/jobs", params=parameters)["jobs"]
        return jobs

    def import_errors(self) -> list[str]:
        """Return the tracebacks of the Dag files that do not load."""
        return [each["stack_trace"] for each in self.ask("GET", "/importErrors")["import_errors"]]

    def dag_ids(self) -> set[str]:
        """Return the Dags Airflow knows."""
        return {each["dag_id"] for each in self.ask("GET", "/dags", params={"limit": 100})["dags"]}

    def wait_for_dags(self, dag_ids: Collection[str], timeout: float = 90) -> None:
        """Wait until the Dag processor has read these. What it has read once is not asked for again."""

        def missing() -> set[str]:
            errors = self.import_errors()
            assert not errors, "\n".join(errors)
            self._known_dags |= self.dag_ids()
            return set(dag_ids) - self._known_dags

        if not self._known_dags.issuperset(dag_ids):
            wait_until(
                missing, until=lambda left: not left, what=f"Airflow knows {dag_ids}", timeout=timeout, interval=0.5
            )

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> DagRun:
        """Start a run of a Dag that Airflow knows."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return DagRun(self, dag_id, self.ask("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def set_variable(self, key: str, value: str) -> None:
        """Create a variable, or give it another value."""
        self.ask("DELETE", f"/variables/{key}") if self._has(f"/variables/{key}") else None
        self.ask("POST", "/variables", json={"key": key, "value": value})

    def set_connection(self, connection_id: str, **fields: Any) -> None:
        """Create a connection (``conn_type``, ``host``, ``password``, ...), or replace it."""
        path = f"/connections/{connection_id}"
        self.ask("DELETE", path) if self._has(path) else None
        self.ask("POST", "/connections", json={"connection_id": connection_id, **fields})

    def audit(self, **filters: Any) -> list[Json]:
        """Return the newest rows of the audit log, by ``dag_id``, ``event`` and so on."""
        parameters = {"order_by": "-when", "limit": 100, **filters}
        rows: list[Json] = self.ask("GET", "/eventLogs", params=parameters)["event_logs"]
        return rows

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _has(self, path: str) -> bool:
        try:
            self.ask("GET", path)
        except AssertionError as refused:
            if ": 404 " in str(refused):
                return False
            raise
        return True


@dataclass(frozen=True)
class DagRun:
    """One run, and what Airflow says of it."""

    rest: AirflowRest
    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Where the run lives in the API."""
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    def state(self) -> str:
        """Return the state of the run."""
        state: str = self.rest.ask("GET", self.path)["state"]
        return state

    def wait(self, timeout: float = 120) -> str:
        """Wait until the run has ended, and return ``success`` or ``failed``."""
        what = f"{self.dag_id} ends"
        return wait_until(
            self.state, until=ENDED.__contains__, what=what, timeout=timeout, interval=0.25, ignoring=AWAY
        )

    def tasks(self) -> dict[tuple[str, int], str | None]:
        """Return the states of all task instances, by task id and map index (-1: not mapped)."""
        answer = self.rest.ask("GET", f"{self.path}/taskInstances", params={"limit": 1000})
        return {(each["task_id"], each["map_index"]): each["state"] for each in answer["task_instances"]}

    def task(self, task_id: str, map_index: int = -1) -> Json:
        """Return everything Airflow tells of one task instance."""
        return self.rest.ask("GET", self._task_path(task_id, map_index))

    def wait_for_task(self, task_id: str, *states: str | None, map_index: int = -1, timeout: float = 60) -> Json:
        """Wait until a task instance is in one of ``states`` (none given: until it ended); return it."""
        wanted: Collection[str | None] = states or ENDED
        return wait_until(
            lambda: self.task(task_id, map_index),
            until=lambda task: task["state"] in wanted,
            what=f"{self.dag_id}.{task_id} is {' or '.join(map(str, wanted))}",
            timeout=timeout,
            interval=0.1,
            ignoring=AWAY,
        )

    def log(self, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one try, as the page shows it: one line a message."""
        path = f"{self.path}/taskInstances/{task_id}/logs/{try_number}"
        answer = self.rest.ask("GET", path, params={"map_index": map_index, "full_content": True}, headers=JSON_LOG)
        return "\n".join(_in_words(line) for line in answer["content"])

    def wait_for_log(
        self, task_id: str, text: str, try_number: int = 1, map_index: int = -1, timeout: float = 30
    ) -> str:
        """Wait until a text stands in the log, and return the log.

        A task's state is known before its last lines are: it tells Airflow, then it ends.
        """
        return wait_until(
            lambda: self.log(task_id, try_number, map_index),
            until=lambda log: text in log,
            what=f"{text!r} stands in the log of {self.dag_id}.{task_id}",
            timeout=timeout,
            interval=0.1,
            ignoring=AWAY,
        )

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return a value a task pushed."""
        path = f"{self.path}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.rest.ask("GET", path, params={"map_index": map_index, "deserialize": True})["value"]

    def clear(self, *task_ids: str) -> None:
        """Clear tasks of this run, whatever their state; running ones are ended by Airflow."""
        body = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": list(task_ids), "only_failed": False}
        self.rest.ask("POST", f"/dags/{self.dag_id}/clearTaskInstances", json=body)

    def set_state(self, task_id: str, state: str, map_index: int = -1) -> None:
        """Mark a task instance ``success``, ``failed`` or ``skipped``, as a user does on the page."""
        self.rest.ask("PATCH", self._task_path(task_id, map_index), json={"new_state": state})

    def _task_path(self, task_id: str, map_index: int) -> str:
        path = f"{self.path}/taskInstances/{task_id}"
        return path if map_index == -1 else f"{path}/{map_index}"


JSON_LOG = {"Accept": "application/json"}
AWAY = (httpx.TransportError,)
"""While an API server restarts, a wait goes on."""


def _in_words(line: Json) -> str:
    """Return a log line as the page shows it: the message, and the exceptions that came with it."""
    if isinstance(line, str):
        return line
    errors = (f"{each['exc_type']}: {each['exc_value']}" for each in line.get("error_detail") or ())
    return " ".join([line["event"], *errors])
