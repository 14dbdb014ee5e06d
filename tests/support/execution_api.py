"""A small, real HTTP server that speaks as much of Airflow's Execution API as a task needs.

A fake server rather than a mocked client: real requests over a real socket find things. It keeps the
state of each task instance and answers 404, 409 and 410 where Airflow does.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote
from uuid import UUID

from edge_agent.protocol.routes import REFUSED_HEADER
from tests.support.cuttable_server import Answer as Sent
from tests.support.cuttable_server import Asked, CuttableServer

PREFIX = "/execution/"
EXECUTION_TOKEN = "execution-token"
Answer = tuple[int, Any, dict[str, str]]
"""Status, body to be sent as JSON (or None), headers."""
CONNECTION = dict.fromkeys(("host", "schema", "login", "password", "port", "extra"))


@dataclass
class Heard:
    """One request as it arrived. ``path`` is relative to the API's prefix."""

    method: str
    path: str
    body: Any
    token: str


@dataclass
class Fault:
    """An answer of the test's own to the next ``times`` requests that match."""

    method: str
    path: str
    status: int
    times: int


@dataclass
class Instance:
    """What the server knows of one task instance. ``archived``: cleared, or retried as another one."""

    state: str = "queued"
    pid: int | None = None
    hostname: str | None = None
    heartbeats: int = 0
    archived: bool = False
    run_context: dict[str, Any] = field(default_factory=dict)


class ExecutionApi:
    """The server. ``go_away`` closes its port and every connection; ``come_back`` opens the same port."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.xcoms: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.connection_tests: dict[str, dict[str, Any]] = {}
        self.heard: list[Heard] = []
        self.faults: list[Fault] = []
        self.expired: set[str] = set()
        self.denied: dict[str, str] = {}
        """What the token of the host does not allow, and the server's words for it."""
        self._server: CuttableServer | None = None
        self._port = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def __enter__(self) -> Self:
        self.come_back()
        return self

    def __exit__(self, *exc: object) -> None:
        self.go_away()

    def come_back(self) -> None:
        self._server = CuttableServer(self._port, self._serve)
        self._port = self._server.port

    def go_away(self) -> None:
        if self._server is not None:
            self._server.cut()
            self._server = None

    def instance(self, ti_id: UUID | str) -> Instance:
        return self.instances.setdefault(str(ti_id), Instance())

    def fail(self, method: str, path: str, status: int, *, times: int = 1) -> None:
        """Answer ``status`` to the next requests that match these two patterns."""
        with self._lock:
            self.faults.append(Fault(method, path, status, times))

    def expire_tokens(self) -> None:
        """Refuse the tokens there are so far, as Airflow refuses them once their time is over."""
        with self._lock:
            self.expired |= {EXECUTION_TOKEN, *(one.token for one in self.heard)}

    def requests(self, method: str, path: str) -> list[Heard]:
        """Return what was asked so far and matches these two patterns."""
        return [one for one in list(self.heard) if re.fullmatch(method, one.method) and re.search(path, one.path)]

    def _serve(self, asked: Asked) -> Sent:
        body = json.loads(asked.body) if asked.body else None
        status, content, headers = self._answer(Heard(asked.method, asked.path.removeprefix(PREFIX), body, asked.token))
        return status, b"" if content is None else json.dumps(content).encode(), headers

    def _answer(self, heard: Heard) -> Answer:
        with self._lock:
            self.heard.append(heard)
            if (fault := self._take_fault(heard)) is not None:
                return fault.status, {"detail": "a fault of the test"}, {}
            if heard.token in self.expired:
                return 403, {"detail": "Invalid auth token"}, {}
            if heard.path in self.denied:
                detail = {"reason": "forbidden", "message": self.denied[heard.path]}
                return 403, {"detail": detail}, {REFUSED_HEADER: "forbidden"}
            for wanted, pattern, answer in ROUTES:
                if wanted == heard.method and (match := re.fullmatch(pattern, heard.path)):
                    return answer(self, unquote(match[1]), heard.body)
        return not_found(f"no route {heard.path}")

    def _take_fault(self, heard: Heard) -> Fault | None:
        for fault in self.faults:
            if fault.times and re.fullmatch(fault.method, heard.method) and re.search(fault.path, heard.path):
                fault.times -= 1
                return fault
        return None


def not_found(message: str) -> Answer:
    return 404, {"detail": {"reason": "not_found", "message": message}}, {}


def run(api: ExecutionApi, ti_id: str, body: Any) -> Answer:
    """Start, from queued; or again, asked by the same process."""
    instance = api.instance(ti_id)
    is_mine = (instance.hostname, instance.pid) == (body["hostname"], body["pid"])
    if instance.state != "queued" and not (instance.state == "running" and is_mine):
        detail = {"reason": "invalid_state", "message": "not queued", "previous_state": instance.state}
        return 409, {"detail": detail}, {}
    instance.state, instance.pid, instance.hostname = "running", body["pid"], body["hostname"]
    return 200, run_context() | instance.run_context, {"Refreshed-API-Token": EXECUTION_TOKEN}


def state(api: ExecutionApi, ti_id: str, body: Any) -> Answer:
    """End, from running. The same state again is no error."""
    instance = api.instance(ti_id)
    if instance.archived:
        return not_found("Task Instance not found")
    if instance.state == body["state"]:
        return 200, {"message": "already"}, {}
    if instance.state != "running":
        detail = {"reason": "invalid_state", "message": "not running", "previous_state": instance.state}
        return 409, {"detail": detail}, {}
    instance.state = body["state"]
    return 204, None, {}


def heartbeat(api: ExecutionApi, ti_id: str, body: Any) -> Answer:
    instance = api.instance(ti_id)
    instance.heartbeats += 1
    if instance.archived:
        return 410, {"detail": {"reason": "not_found", "message": "archived"}}, {}
    if instance.state != "running":
        return 409, {"detail": {"reason": "not_running", "message": "not running"}}, {}
    return 204, None, {}


def accept(api: ExecutionApi, what: str, body: Any) -> Answer:
    return 201, {"message": "ok"}, {}


def set_xcom(api: ExecutionApi, path: str, body: Any) -> Answer:
    api.xcoms[path] = body
    return 201, {"message": "ok"}, {}


def get_xcom(api: ExecutionApi, path: str, body: Any) -> Answer:
    if path not in api.xcoms:
        return not_found("no such XCom")
    return 200, {"key": path.rpartition("/")[2], "value": api.xcoms[path]}, {}


def get_xcom_slice(api: ExecutionApi, path: str, body: Any) -> Answer:
    return 200, [api.xcoms[path]] if path in api.xcoms else [], {}


def get_variable(api: ExecutionApi, key: str, body: Any) -> Answer:
    return (200, {"key": key, "value": api.variables[key]}, {}) if key in api.variables else not_found(key)


def get_connection(api: ExecutionApi, key: str, body: Any) -> Answer:
    if key not in api.connections:
        return not_found(key)
    return 200, {"conn_id": key} | CONNECTION | api.connections[key], {}


def get_tested_connection(api: ExecutionApi, test_id: str, body: Any) -> Answer:
    return 200, CONNECTION | api.connection_tests[test_id]["connection"], {}


def set_tested_connection(api: ExecutionApi, test_id: str, body: Any) -> Answer:
    api.connection_tests[test_id]["result"] = body
    return 204, None, {}


ROUTES: list[tuple[str, str, Callable[[ExecutionApi, str, Any], Answer]]] = [
    ("PATCH", r"task-instances/([^/]+)/run", run),
    ("PATCH", r"task-instances/([^/]+)/state", state),
    ("PUT", r"task-instances/([^/]+)/heartbeat", heartbeat),
    ("PUT", r"task-instances/([^/]+)/rtif", accept),
    ("POST", r"xcoms/(.+)", set_xcom),
    ("GET", r"xcoms/(.+)/slice", get_xcom_slice),
    ("GET", r"xcoms/(.+)", get_xcom),
    ("DELETE", r"xcoms/(.+)", accept),
    ("GET", r"variables/([^/]+)", get_variable),
    ("GET", r"connections/([^/]+)", get_connection),
    ("GET", r"connection-tests/([^/]+)/connection", get_tested_connection),
    ("PATCH", r"connection-tests/([^/]+)", set_tested_connection),
]
"""Method, path with one group, and who answers. The first that matches does."""


def run_context() -> dict[str, Any]:
    """What ``/run`` answers for a first, manual, unscheduled run without retries."""
    now = datetime.now(tz=UTC).isoformat()
    return {
        "dag_run": {
            "dag_id": "a_dag",
            "run_id": "manual__1",
            "logical_date": now,
            "data_interval_start": now,
            "data_interval_end": now,
            "run_after": now,
            "start_date": now,
            "end_date": None,
            "run_type": "manual",
            "state": "running",
            "conf": {},
            "consumed_asset_events": [],
            "partition_key": None,
        },
        "task_reschedule_count": 0,
        "max_tries": 0,
        "variables": [],
        "connections": [],
        "xcom_keys_to_clear": [],
        "should_retry": False,
    }
