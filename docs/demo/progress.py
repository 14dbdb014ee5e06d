"""What people see: each step of each task while it happens, and afterwards what the agent did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_site import AirflowSite
from programs import DemoFailedError

QUEUE_API = "/edge_agent/v1"
ENDED = frozenset({"success", "failed"})
LOOK_SECONDS = 0.25

_began = time.monotonic()


def say(text: str = "") -> None:
    """Print a line with the seconds since the start before it."""
    print(f"{time.monotonic() - _began:6.1f} s  {text}" if text else "", flush=True)


class Run:
    """One run of a Dag, followed to its end."""

    def __init__(self, site: AirflowSite, dag_id: str) -> None:
        self._site = site
        self.dag_id = dag_id
        self.run_id = "demo-1"
        asked = {"dag_run_id": self.run_id, "logical_date": None}
        site.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=asked)
        self._path = f"/api/v2/dags/{dag_id}/dagRuns/{self.run_id}"
        self._seen: dict[str, str] = {}

    @property
    def page(self) -> str:
        """Where Airflow shows it."""
        return f"{self._site.url}/dags/{self.dag_id}/runs/{self.run_id}"

    def follow(self, must_run: Callable[[], None], timeout_seconds: float) -> None:
        """Say every step of every task until the run has ended.

        :raises DemoFailedError: when it fails, takes too long, or ``must_run`` says that something ended.
        """
        deadline = time.monotonic() + timeout_seconds
        state = "queued"
        while state not in ENDED:
            must_run()
            if time.monotonic() > deadline:
                msg = f"The run has not ended after {timeout_seconds:g} s: {self._seen}"
                raise DemoFailedError(msg, *self._logs())
            time.sleep(LOOK_SECONDS)
            # First the run, then its tasks: when it has ended, the look at the tasks is the last one.
            state = self._site.ask("GET", self._path)["state"]
            self._look()
        if state != "success":
            failed = sorted(name for name, seen in self._seen.items() if seen not in ("success", "skipped"))
            msg = f"The run failed; not well ended: {', '.join(failed)}."
            raise DemoFailedError(msg, *self._logs())

    def log_of(self, task_id: str) -> Iterator[str]:
        """Yield the messages of a task's log, as Airflow shows them, without the marks of its groups."""
        path = f"{self._path}/taskInstances/{task_id}/logs/1"
        answer = self._site.ask("GET", path, params={"full_content": True}, headers={"Accept": "application/json"})
        for line in answer["content"]:
            text = line if isinstance(line, str) else str(line["event"])
            if not text.startswith("::"):
                yield text

    def value_of(self, task_id: str) -> Any:
        """Return what a task returned."""
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._site.ask("GET", path, params={"deserialize": True})["value"]

    def _look(self) -> None:
        answer = self._site.ask("GET", f"{self._path}/taskInstances", params={"limit": 100})
        for each in answer["task_instances"]:
            name = each["task_id"] if each["map_index"] < 0 else f"{each['task_id']}[{each['map_index']}]"
            state = each["state"]
            if state in (None, "scheduled") or self._seen.get(name) == state:
                continue
            self._seen[name] = state
            on = f"on {each['hostname']}" if each["hostname"] and state != "queued" else ""
            say(f"  {name:<12} {state:<10} {on}".rstrip())

    def _logs(self) -> list[Path]:
        return [*sorted(self._site.home.parent.rglob("edge-agent.log")), self._site.home / "scheduler.log"]


def tell_what_the_agent_did(site: AirflowSite) -> None:
    """Print every job as the queue API tells of it: the agent's word, not the scheduler's."""
    rows = [["job", "agent", "runner", "state", "exit code", "seconds", "log bytes"]]
    for job in reversed(site.ask("GET", f"{QUEUE_API}/ui/jobs", params={"limit": 200})["jobs"]):
        facts = [job[name] for name in ("label", "agent_name", "runner", "state", "exit_code")]
        facts += [_seconds(job["confirmed_at"], job["ended_at"]), job["log_bytes"]]
        rows.append(["" if fact is None else str(fact) for fact in facts])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("   ", "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _seconds(begin: str | None, end: str | None) -> str | None:
    if begin is None or end is None:
        return None
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds():.1f}"
