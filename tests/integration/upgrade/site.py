"""A server and hosts of two releases, seen only over HTTP: what is in the database is between the releases."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, JobState, routes
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.installed import Environment, uv
from tests.support.waiting import wait_until

QUEUE = "fleet"
LINES = 300
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Entry:
    """A command that writes its start and its end into the ledger, and says numbers between."""

    job_id: str
    name: str


class Site:
    """One API server, and whoever submits to it.

    ``code``: environment variables that make its Airflow run another release of ours; empty: the present one.
    """

    def __init__(self, home: Path, database_url: str, code: Mapping[str, str]) -> None:
        pace = {"AIRFLOW__EDGE_AGENT__MISSED_HEARTBEATS": "10"}  # two cores install, migrate and start beside it
        self.home = home
        self.bed = AirflowBed(home / "bed", database_url, settings=pace | dict(code), apps="core")
        self.ledger = home / "ledger"
        self._client: httpx.Client | None = None

    def start(self) -> None:
        """Start the server, and make a token to submit with."""
        self.bed.start("api-server")
        if self._client is None:
            made = {"name": "of-tasks", "kind": "submit", "queues": [QUEUE]}
            token = self.bed.rest.steer("POST", "/tokens", json=made)["token"]
            headers = {"Authorization": f"Bearer {token}", VERSION_HEADER: str(PROTOCOL_VERSION)}
            self._client = httpx.Client(
                base_url=self.bed.url + routes.BASE, headers=headers, timeout=30, trust_env=False
            )

    def change_release(self, code: Mapping[str, str]) -> None:
        """Stop the server, migrate the database as the new release does, and start that."""
        self.bed.stop("api-server")
        for environment in (self.bed.environment, self.bed.parts["api-server"].process.environment):
            environment.pop("PYTHONPATH", None)
            environment.update(code)
        self.bed.airflow("db", "migrate")
        self.start()

    def close(self) -> None:
        """End the server."""
        if self._client is not None:
            self._client.close()
        self.bed.__exit__()

    def new_host(self, home: Path, name: str, edge_agent: Path | None, *, url: str | None = None) -> AgentHost:
        """Make a host of the fleet. ``edge_agent``: the program that is installed there; None: the present one."""
        return AgentHost(
            home,
            url=url or self.bed.url,
            name=name,
            token=self.bed.create_token(name, [QUEUE]),
            queues=[QUEUE],
            slots=2,
            settings={"EDGE_AGENT_KINDS": "command", "EDGE_AGENT_CAPABILITIES": f"host={name}"},
            edge_agent=edge_agent,
        )

    # -- whoever submits

    def submit(self, command: str, *, host: str | None = None, **more: Any) -> str:
        """Submit a command with a key of its own, and again while no server is there; return the job's id."""
        requires = {"host": host} if host else {}
        asked = {"command": command, "queue": QUEUE, "key": f"k{next(_NUMBERS)}", "requires": requires, **more}

        def answer() -> httpx.Response:
            return self._ask("POST", routes.COMMANDS, json=asked)

        given = wait_until(answer, until=_is_there, what="it is taken", timeout=120, ignoring=(httpx.TransportError,))
        assert given.is_success, given.text
        id_: str = given.json()["command"]["id"]
        return id_

    def write_entry(self, *, gate: Path | None = None, host: str | None = None) -> Entry:
        """Submit a command of the ledger. ``gate``: a file that it waits for after its first half of the numbers."""
        name = f"entry-{next(_NUMBERS)}"
        wait = f"until [ -e {gate} ]; do sleep 0.05; done; " if gate else ""
        half = LINES // 2
        words = f"seq {half}; {wait}seq {half + 1} {LINES}"
        job_id = self.submit(
            f"echo {name} start >> {self.ledger}; {words}; echo {name} end >> {self.ledger}",
            host=host,
            timeout_seconds=3600,  # which the agent has to write down
        )
        return Entry(job_id, name)

    def view(self, job_id: str) -> dict[str, Any]:
        """Return a command as the server tells of it."""
        answer = self._ask("GET", f"{routes.COMMANDS}/{job_id}")
        assert answer.is_success, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def ended(self, job_id: str, timeout: float = 60) -> dict[str, Any]:
        """Wait for the end of a command."""
        return wait_until(
            lambda: self.view(job_id),
            until=lambda view: JobState(view["state"]).is_terminal,
            what=f"{job_id} ends",
            timeout=timeout,
        )

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a command."""
        answer = self._ask("POST", f"{routes.COMMANDS}/{job_id}/cancel", json={"reason": "the test"})
        assert answer.is_success, answer.text

    def log(self, job_id: str) -> bytes:
        """Return what the server has of a log."""
        found = b""
        while True:
            answer = self._ask("GET", f"{routes.COMMANDS}/{job_id}/logs?offset={len(found)}&limit=1000000")
            assert answer.is_success, answer.text
            found += answer.content
            if not answer.content:
                return found

    def says(self, job_id: str, text: bytes) -> None:
        """Wait until a command has said something."""
        wait_until(lambda: self.log(job_id), until=lambda log: text in log, what=f"it says {text!r}", timeout=40)

    def audit(self, entries: list[Entry]) -> None:
        """Wait for the end of all; see that each ran once and said each line once."""
        for entry in entries:
            view = self.ended(entry.job_id, timeout=120)
            assert (view["state"], view["reason"], view["exit_code"]) == ("succeeded", "exit", 0), view
            assert self.log(entry.job_id) == b"".join(b"%d\n" % number for number in range(1, LINES + 1))
        written = sorted(self.ledger.read_text().splitlines())
        assert written == sorted(f"{entry.name} {what}" for entry in entries for what in ("start", "end"))

    def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        assert self._client is not None
        return self._client.request(method, path, **arguments)


def change_host(environment: Environment, wheel: Path) -> None:
    """Install another release over the one that is there, as an operator does while its agent runs."""
    uv("pip", "install", "--quiet", "--no-deps", "--reinstall", "--python", environment.bin / "python", wheel)


def registered(host: AgentHost, times: int) -> None:
    """Wait until the agents of a host have registered so often."""
    wait_until(
        lambda: host.output().count("event=registered"),
        until=lambda count: count == times,
        what=f"{host.name} has registered {times} times",
        timeout=60,
    )


def _is_there(answer: httpx.Response) -> bool:
    return answer.status_code < 500
