"""A thief: a copy of all that a host has, made while it works, and everything that can be tried with it."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.agent_host import AgentHost
from tests.support.forgery import bearer
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
LOOKS_SECRET = re.compile(rb"[A-Za-z0-9_+/=.~-]{20,}")
LARGEST = 65_536
"""Bytes. No secret stands in a larger file."""


@dataclass(frozen=True)
class Loot:
    """The copy: ``home`` is the host's disk, ``environment`` that of its agent with the copy's paths."""

    home: Path
    environment: dict[str, str]

    @classmethod
    def of(cls, host: AgentHost, home: Path) -> Loot:
        """Copy a host as it is at this moment, whatever runs on it."""
        copy_disk(host.home, home)
        running = host.process.environment
        return cls(home, {name: value.replace(str(host.home), str(home)) for name, value in running.items()})

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Return every file with its content."""
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()

    def where_is(self, secret: str) -> list[str]:
        """Return where a text stands: files, and variables of the environment."""
        found = [str(path.relative_to(self.home)) for path, content in self.files() if secret.encode() in content]
        return found + [name for name, value in self.environment.items() if secret in value]

    def secrets(self) -> list[str]:
        """Return all that may be a secret: whatever is long enough, and neither a Dag nor the agent's own program."""
        known = {self.home / "dags", self.home / "state" / "program"}
        files = ((path, content) for path, content in self.files() if len(content) <= LARGEST)
        small = [content for path, content in files if known.isdisjoint(path.parents)]
        texts = [*small, *(value.encode() for value in self.environment.values())]
        words = {word.decode() for text in texts for word in LOOKS_SECRET.findall(text)}
        return sorted(words | {text.decode(errors="replace").strip() for text in small if text.strip()})


@dataclass(frozen=True)
class TakenTask:
    """A task in the hands of a thief; ``token`` is what it has for the Execution API."""

    assignment: str
    token: str


class Thief:
    """Our own agent's program on the copy. ``changed``: other settings, such as ``EDGE_AGENT_NAME``."""

    def __init__(self, loot: Loot, **changed: str) -> None:
        self._environment = loot.environment | {"PYTHONPATH": str(ROOT)} | changed
        self._url = loot.environment["EDGE_AGENT_URL"]
        self._log = loot.home / "thief.log"
        self._process: subprocess.Popen[str] | None = None

    def ask(self, verb: str, **message: Any) -> tuple[int, Any]:
        """Let it say one thing to the queue API; return the status, and the answer or the reason of the refusal."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"verb": verb, "message": message}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log.read_text(encoding="utf-8")
        answer = json.loads(line)
        return answer["status"], answer["body"]

    def come_in(self) -> None:
        """Register as the host itself, which is gone."""
        wait_until(lambda: self.ask("register")[0], until=lambda status: status == 200, what="it is let in", timeout=60)

    def take_a_task(self) -> TakenTask:
        """Take a task of the host's own queues, and tell Airflow that it has started."""
        offers = wait_until(
            lambda: self.ask("poll", free_slots=1, wait_seconds=5)[1]["offers"], what="a task is offered", timeout=60
        )
        assignment = offers[0]["assignment_id"]
        _, given = self.ask("confirm", assignments=[assignment])
        (confirmed,) = given["confirmed"]
        workload = json.loads(confirmed["payload"])["workload"]
        started = httpx.patch(
            f"{self._url}/execution/task-instances/{workload['ti']['id']}/run",
            headers=bearer(confirmed["token"]),
            json={
                "state": "running",
                "hostname": "elsewhere",
                "unixname": getpass.getuser(),
                "pid": os.getpid(),
                "start_date": datetime.now(tz=UTC).isoformat(),
            },
            timeout=30,
            trust_env=False,
        )
        assert started.is_success, started.text
        # Airflow replaces the token that is good for a start only.
        return TakenTask(assignment, started.headers["Refreshed-API-Token"])

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.thief_program"],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()


def copy_disk(source: Path, target: Path) -> None:
    """Copy a directory in which others write: what goes meanwhile is left out, and so is what is no file."""

    def special(folder: str, names: list[str]) -> set[str]:
        paths = {name: Path(folder, name) for name in names}
        return {name for name, path in paths.items() if not (path.is_file() or path.is_dir())}

    def copy(file: str, to: str) -> None:
        with suppress(FileNotFoundError):
            shutil.copy2(file, to)

    shutil.copytree(source, target, ignore=special, copy_function=copy)
