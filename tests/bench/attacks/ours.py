"""The attacks on this project: our own agent's program on a copy of the host's disk, and plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, routes
from tests.bench.attacks.attack import NEIGHBOUR, STOLEN, Attempt
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.forgery import WRONG, bearer, opened_by
from tests.support.thief import Loot, TakenTask, Thief
from tests.support.waiting import NeverHappenedError, wait_until

ROOT = Path(__file__).parents[3]
Outcome = tuple[bool, str]
NOTICED_SECONDS = 15.0


class OnOurs:
    """All that is tried. What no thief could know is told to this one: the neighbour's run and assignment."""

    def __init__(self, bed: AirflowBed, host: AgentHost, loot: Loot, *, run: DagRun, assignment: str) -> None:
        self._bed = bed
        self._host = host
        self._loot = loot
        self._run = run
        self._assignment = assignment
        task = run.task("work")
        self._instance: str = task["id"]
        self._try: int = task["try_number"]
        self._taken: TakenTask | None = None
        self._http = httpx.Client(base_url=bed.url, timeout=30, trust_env=False)

    def attempt(self, key: str) -> Attempt:
        """Try one."""
        attack: Callable[[], Outcome] = getattr(self, key.replace("-", "_"))
        return Attempt(key, *attack())

    def public_api(self) -> Outcome:
        """Show, and sign with, everything on the disk."""
        secrets = self._loot.secrets()
        opened = opened_by(self._bed.url, secrets, self._instance)
        what = f"each of the {len(secrets)} texts on the disk that could be a secret, shown and used as a signing key"
        return bool(opened), f"{len(opened)} let in, of {what}" if opened else f"401, 403: {what}"

    def task_token(self) -> Outcome:
        """The same, and ask for a renewed token of the neighbour's task."""
        opened, _ = self.public_api()
        with self._registered() as thief:
            status, body = thief.ask("renew", assignments=[self._assignment])
        return opened or bool(body["renewed"]), f"401, 403: nothing to sign with; {status}: {_why(body)}"

    def log_read(self) -> Outcome:
        """There is no route for agents that reads a log: ask Airflow's."""
        path = f"/api/v2{self._run.path}/taskInstances/work/logs/{self._try}"
        statuses = {self._http.get(path, headers=bearer(each)).status_code for each in self._shown()}
        return not statuses <= WRONG, f"{_listed(statuses)}; no route of the queue API reads logs"

    def log_write(self) -> Outcome:
        """Send bytes for the neighbour's assignment."""
        with self._registered() as thief:
            status, why = thief.ask("send_log", assignment_id=self._assignment, offset=0, content="forged by a thief")
        return status == httpx.codes.OK or "forged" in self._run.log("work", self._try), f"{status}: {why}"

    def log_path(self) -> Outcome:
        """Say a path where an id is asked for: there is no other place to say one."""
        paths = "..%2F..%2Fbeside", "%2Fetc%2Fpasswd", "../../beside"
        with self._registered() as thief:
            statuses = {thief.ask("send_log", assignment_id=each, offset=0, content="beside")[0] for each in paths}
        return any(status < httpx.codes.BAD_REQUEST for status in statuses), f"{_listed(statuses)}; it takes ids alone"

    def steer(self) -> Outcome:
        """Cordon the neighbour, and end its session."""
        path = f"{routes.MOUNT}/v1/ui/agents/{NEIGHBOUR}/cordon"
        statuses = {self._http.put(path, headers=bearer(each), json={}).status_code for each in self._shown()}
        return not statuses <= WRONG, _listed(statuses)

    def pose(self) -> Outcome:
        """Register as the neighbour."""
        with Thief(self._loot, EDGE_AGENT_NAME=NEIGHBOUR) as thief:
            status, body = thief.ask("check")
        return status == httpx.codes.OK, f"{status}{'' if status == httpx.codes.OK else f': {body}'}"

    def pose_unbound(self) -> Outcome:
        """The same with a token that was created as in the quickstart, for a queue and for any name."""
        token = self._bed.create_token("quickstart", [STOLEN])
        with Thief(self._loot, EDGE_AGENT_NAME=NEIGHBOUR, EDGE_AGENT_TOKEN=token, EDGE_AGENT_TOKEN_FILE="") as thief:
            status, body = thief.ask("check")
        return status == httpx.codes.OK, f"{status}{'' if status == httpx.codes.OK else f': {body}'}"

    def payload(self) -> Outcome:
        """Confirm the neighbour's assignment, and register for its queue."""
        with Thief(self._loot, EDGE_AGENT_QUEUES=f"{STOLEN},{NEIGHBOUR}") as thief:
            queue, _ = thief.ask("register")
        with self._registered() as thief:
            status, body = thief.ask("confirm", assignments=[self._assignment])
        worked = queue == httpx.codes.OK or bool(body["confirmed"])
        return worked, f"{queue}: its queue; {status}: its assignment is withdrawn as unknown"

    def end(self) -> Outcome:
        """Report the neighbour's assignment."""
        ending = {"assignment_id": self._assignment, "state": "succeeded", "reason": "exit", "exit_code": 0}
        with self._registered() as thief:
            status, body = thief.ask("report", endings=[ending | {"log_bytes": 0}])
        state = self._run.task("work")["state"]
        return bool(body["accepted"]) or state != "running", f"{status}: {_why(body)} Airflow has it as {state}"

    def own_queue(self) -> Outcome:
        """Take a job of the host's queue, start it for Airflow, and ask for a connection as its task."""
        with self._registered() as thief:
            self._taken = thief.take_a_task()
        vault = self._http.get("/execution/connections/vault", headers=bearer(self._taken.token))
        worked = vault.is_success and "the password" in vault.text
        return worked, f"200, {vault.status_code}; Airflow lets any task read any connection"

    def own_name(self) -> Outcome:
        """Register as the host itself, while it works."""
        with Thief(self._loot) as thief:
            status, body = thief.ask("register")
            if status != httpx.codes.OK:
                return False, f"{status}: {body}"
            try:
                wait_until(lambda: not self._host.process.is_running, what="the agent ends", timeout=NOTICED_SECONDS)
            except NeverHappenedError:
                return True, f"{status}; the host's own agent goes on"
        return True, f"{status}; the host's own agent stops with exit code {self._host.process.returncode} and says why"

    def no_credential(self) -> Outcome:
        """Call every route of the queue API but its health."""
        described = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))["paths"]
        paths = [(method, path) for path, methods in described.items() for method in methods]
        paths = [each for each in paths if not each[1].endswith(routes.HEALTH)]
        spoken = {VERSION_HEADER: str(PROTOCOL_VERSION)}
        statuses = {
            self._http.request(how, routes.MOUNT + _filled(path), headers=spoken).status_code for how, path in paths
        }
        return not statuses <= WRONG, f"{len(paths)} routes: {_listed(statuses)}"

    def removed(self) -> Outcome:
        """Go on in a session that was open when the token was revoked, then register anew."""
        with self._registered() as thief:
            self._bed.airflow("edge-agent", "tokens", "revoke", STOLEN)
            going_on, _ = thief.ask("heartbeat", number=1, free_slots=1)
            anew, why = thief.ask("register")
        return httpx.codes.OK in (going_on, anew), f"{going_on}, then {anew}: {why}"

    def removed_task(self) -> Outcome:
        """Show what a task of the host had when the token was revoked."""
        assert self._taken is not None
        vault = self._http.get("/execution/connections/vault", headers=bearer(self._taken.token))
        said = "" if vault.is_success else f": {vault.json()['detail']['message']}"
        return vault.is_success, f"{vault.status_code}{said}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _registered(self) -> _Registered:
        return _Registered(self._loot)

    def _shown(self) -> list[str]:
        """Return what of the disk can be put into a header."""
        return [each for each in self._loot.secrets() if each.isascii() and each.isprintable()]


class _Registered(Thief):
    """A thief that speaks as the host itself, which is gone."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.come_in()
        return self


def _filled(path: str) -> str:
    for name, value in (("{name}", NEIGHBOUR), ("{assignment_id}", str(uuid4())), ("{job_id}", str(uuid4()))):
        path = path.replace(name, value)
    return path


def _why(body: Any) -> str:
    refused = body["refused"]
    return str(refused[0]["message"]) if refused else ""


def _listed(statuses: set[int]) -> str:
    return ", ".join(map(str, sorted(statuses)))
