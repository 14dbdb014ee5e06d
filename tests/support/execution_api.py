"""A small, real HTTP server that speaks as much of Airflow's Execution API as a task needs.

A fake server rather than a mocked client: real requests over a real socket find things. It keeps the
state of each task instance and answers 409 and 410 where Airflow does.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

PREFIX = "/execution/"
CONNECTION = dict.fromkeys(("host", "schema", "login", "password", "port", "extra"))


@dataclass
class Heard:
    """One request as it arrived. ``path`` is relative to the API's prefix."""

    method: str
    path: str
    body: Any
    token: str


@dataclass
class Instance:
    """What the server knows of one task instance."""

    state: str = "queued"
    pid: int | None = None
    hostname: str | None = None
    heartbeats: int = 0
    archived: bool = False
    run_context: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)


class ExecutionApi:
    """The server. ``go_away`` closes its port and every connection; ``come_back`` opens the same port."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.xcoms: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.connection_tests: dict[str, dict[str, Any]] = {}
        self.heard: list[Heard] = []
        self.refreshed_token: str | None = "execution-token"
        self.faults: list[tuple[str, str, int, int]] = []
        self._server: _Server | None = None
        self._port = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def __enter__(self) -> ExecutionApi:
        self.come_back()
        return self

    def __exit__(self, *exc: object) -> None:
        self.go_away()

    def come_back(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self._server.run_in_thread()

    def go_away(self) -> None:
        if self._server is not None:
            self._server.cut()
            self._server = None

    def instance(self, ti_id: UUID | str) -> Instance:
        return self.instances.setdefault(str(ti_id), Instance())

    def fail(self, method: str, pattern: str, status: int, *, times: int = 1) -> None:
        """Answer ``status`` to the next ``times`` requests whose path matches ``pattern``."""
        with self._lock:
            self.faults.append((method, pattern, status, times))

    def requests(self, method: str, pattern: str) -> list[Heard]:
        return [one for one in list(self.heard) if one.method == method and re.search(pattern, one.path)]

    def answer(self, heard: Heard, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        with self._lock:
            self.heard.append(heard)
            fault = self._take_fault(heard)
            if fault is not None:
                return fault, {"detail": f"a fault of the test: {fault}"}, {}
            for method, pattern, handler in ROUTES:
                if method == heard.method and (match := re.fullmatch(pattern, heard.path)):
                    return handler(self, match, heard, query)
        return 404, {"detail": {"reason": "not_found", "message": f"no route {heard.path}"}}, {}

    def _take_fault(self, heard: Heard) -> int | None:
        for number, (method, pattern, status, times) in enumerate(self.faults):
            if re.fullmatch(method, heard.method) and re.search(pattern, heard.path):
                if times == 1:
                    del self.faults[number]
                else:
                    self.faults[number] = (method, pattern, status, times - 1)
                return status
        return None

    # ------------------------------------------------------------------ what it answers

    def _run(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        instance = self.instance(match["id"])
        body = heard.body
        mine = (instance.hostname, instance.pid) == (body["hostname"], body["pid"])
        if instance.state not in {"queued", "restarting"} and not (instance.state == "running" and mine):
            detail = {"reason": "invalid_state", "message": "not queued", "previous_state": instance.state}
            return 409, {"detail": detail}, {}
        instance.state, instance.pid, instance.hostname = "running", body["pid"], body["hostname"]
        headers = {"Refreshed-API-Token": self.refreshed_token} if self.refreshed_token else {}
        return 200, run_context() | instance.run_context, headers

    def _state(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        instance = self.instance(match["id"])
        wanted = heard.body["state"]
        if instance.archived:
            return 404, {"detail": {"reason": "not_found", "message": "Task Instance not found"}}, {}
        if instance.state == wanted:
            return 200, {"message": "already"}, {}
        if instance.state != "running":
            detail = {"reason": "invalid_state", "message": "not running", "previous_state": instance.state}
            return 409, {"detail": detail}, {}
        instance.state, instance.last = wanted, heard.body
        return 204, None, {}

    def _heartbeat(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        instance = self.instance(match["id"])
        instance.heartbeats += 1
        if instance.archived:
            return 410, {"detail": {"reason": "not_found", "message": "archived"}}, {}
        if instance.state != "running":
            detail = {"reason": "not_running", "message": "not running", "current_state": instance.state}
            return 409, {"detail": detail}, {}
        return 204, None, {}

    def _accept(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        return 201, {"message": "ok"}, {}

    def _set_xcom(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        self.xcoms[unquote(match["path"])] = heard.body
        return 201, {"message": "ok"}, {}

    def _get_xcom(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        path = unquote(match["path"])
        if path not in self.xcoms:
            return 404, {"detail": {"reason": "not_found", "message": "no such XCom"}}, {}
        return 200, {"key": path.rpartition("/")[2], "value": self.xcoms[path]}, {}

    def _get_xcom_slice(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        path = unquote(match["path"])
        return 200, [self.xcoms[path]] if path in self.xcoms else [], {}

    def _get_variable(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        key = unquote(match["key"])
        if key not in self.variables:
            return 404, {"detail": {"reason": "not_found", "message": "no such variable"}}, {}
        return 200, {"key": key, "value": self.variables[key]}, {}

    def _get_connection(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        key = unquote(match["key"])
        if key not in self.connections:
            return 404, {"detail": {"reason": "not_found", "message": "no such connection"}}, {}
        return 200, {"conn_id": key} | CONNECTION | self.connections[key], {}

    def _get_tested_connection(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        return 200, CONNECTION | self.connection_tests[match["id"]]["connection"], {}

    def _set_tested_connection(
        self, match: re.Match[str], heard: Heard, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        self.connection_tests[match["id"]]["result"] = heard.body
        return 204, None, {}


Handler = Callable[
    [ExecutionApi, re.Match[str], Heard, dict[str, list[str]]], tuple[int, Any, dict[str, str]]
]
ROUTES: list[tuple[str, str, Handler]] = [
    ("PATCH", r"task-instances/(?P<id>[^/]+)/run", ExecutionApi._run),
    ("PATCH", r"task-instances/(?P<id>[^/]+)/state", ExecutionApi._state),
    ("PUT", r"task-instances/(?P<id>[^/]+)/heartbeat", ExecutionApi._heartbeat),
    ("PUT", r"task-instances/[^/]+/rtif", ExecutionApi._accept),
    ("PATCH", r"task-instances/[^/]+/skip-downstream", ExecutionApi._accept),
    ("PATCH", r"task-instances/[^/]+/rendered-map-index", ExecutionApi._accept),
    ("POST", r"xcoms/(?P<path>.+)", ExecutionApi._set_xcom),
    ("GET", r"xcoms/(?P<path>.+)/slice", ExecutionApi._get_xcom_slice),
    ("GET", r"xcoms/(?P<path>.+)", ExecutionApi._get_xcom),
    ("DELETE", r"xcoms/.+", ExecutionApi._accept),
    ("GET", r"variables/(?P<key>[^/]+)", ExecutionApi._get_variable),
    ("GET", r"connections/(?P<key>[^/]+)", ExecutionApi._get_connection),
    ("GET", r"connection-tests/(?P<id>[^/]+)/connection", ExecutionApi._get_tested_connection),
    ("PATCH", r"connection-tests/(?P<id>[^/]+)", ExecutionApi._set_tested_connection),
]


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


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: ExecutionApi) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="execution-api")

    def run_in_thread(self) -> None:
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Stop listening and break every connection, as a host does that lost its network or power."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # Its client was faster.

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error here: tests kill clients on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes: without this each answer waits 40 ms for a delayed ACK.
    disable_nagle_algorithm: ClassVar[bool] = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        url = urlsplit(self.path)
        heard = Heard(
            method=self.command,
            path=url.path.removeprefix(PREFIX),
            body=json.loads(raw) if raw else None,
            token=(self.headers.get("Authorization") or "").removeprefix("Bearer "),
        )
        status, body, headers = self.server.api.answer(heard, parse_qs(url.query))
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 # names are given

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet: ``heard`` tells all."""
