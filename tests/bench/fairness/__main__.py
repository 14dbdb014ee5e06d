"""Run it: ``python -m tests.bench.fairness``, or `make bench-fairness`. A few minutes; writes the page in the docs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.fairness.page import LIMIT, NEIGHBOURS, PAGE, SECONDS, Stretch, page
from tests.support.airflow_bed import AirflowBed
from tests.support.migrated import migrate
from tests.support.postgres import Postgres
from tests.support.process import clean_environment, left_behind

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".bench-fairness"
"""Where all files of a run are; made anew by each."""
UNLIMITED = 10**9


@dataclass(frozen=True)
class Server:
    """One API server, and the tokens of those who ask it."""

    bed: AirflowBed
    tokens: dict[str, str]

    def measure(self) -> Stretch:
        """Let the neighbours knock for a while, and return how that went."""
        with self._client("neighbours", "--agents", str(NEIGHBOURS), "--seconds", str(SECONDS)) as clients:
            return Stretch(_answer(clients)["seconds"])

    def measure_flooded(self, until: str) -> Stretch:
        """The same while one agent floods, from when it says ``until``."""
        with self._client("flood") as clients:
            assert clients.stdout is not None
            while clients.stdout.readline().strip() != until:
                assert clients.poll() is None, "the flood has ended"
            seconds = self.measure().seconds
            return Stretch(seconds, **_answer(clients))

    @contextmanager
    def _client(self, role: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "tests.bench.fairness.clients", role, "--url", self.bed.url, *arguments]
        environment = clean_environment(HOME, EDGE_AGENT_TOKEN=self.tokens[role])
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as clients:
            try:
                yield clients
            finally:
                clients.kill()


def _answer(clients: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a client says at its end; a flood ends with its input."""
    said, _ = clients.communicate()
    assert clients.returncode == 0, "a client failed; what it said stands above"
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


@contextmanager
def _server(postgres: Postgres, name: str, limit: int) -> Iterator[Server]:
    """Start an API server with this limit on a database of its own."""
    home = HOME / name
    home.mkdir()
    url = postgres.url(postgres.create())
    migrate(url, home)
    settings = {"AIRFLOW__EDGE_AGENT__REQUESTS_PER_MINUTE": str(limit)}
    bed = AirflowBed(home / "airflow", url, settings=settings, pace={})
    try:
        bed.start("api-server")
        yield Server(bed, {role: bed.create_token(role, [role]) for role in ("neighbours", "flood")})
    finally:
        bed.__exit__()


def main() -> int:
    """Measure, print, write."""
    begin, load_before = time.monotonic(), os.getloadavg()[0]
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    with Postgres() as postgres:
        with _server(postgres, "limited", LIMIT) as server:
            server.measure()  # once for nothing: a server that has just begun is slow
            calm = server.measure()
            refused = server.measure_flooded("refused")
        with _server(postgres, "unlimited", UNLIMITED) as server:
            server.measure()
            served = server.measure_flooded("begun")
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    text = page(calm, refused, served, (time.monotonic() - begin) / 60, load_before)
    print(text)
    (ROOT / "docs" / PAGE).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
