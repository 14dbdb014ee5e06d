"""What many idle agents cost one API server and its database, and how soon a job is offered among them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import jobs
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind
from tests.bench.database import Statements, listening
from tests.bench.figures import percentile
from tests.bench.machine import cpu_seconds, memory
from tests.bench.pauses import let_pass
from tests.bench.sizing.server import Server
from tests.support.process import clean_environment
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]
QUEUE = "sizing"
MB = 1e6
SETTLE_SECONDS = 15.0
"""Registering is over, and the first polls are apart."""
JOBS = 40
PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class Crowd:
    """A window with so many agents; all but memory and times for each minute."""

    agents: int
    heartbeat_seconds: int
    api_cpu_seconds: float
    postgres_cpu_seconds: float
    reads: float
    writes: float
    api_rss: float
    offered_p50: float
    offered_p99: float


def measure_crowd(server: Server, count: int, seconds: float) -> Crowd:
    """Let so many agents wait for a window, then give them a job now and then."""
    with _agents(server, count):
        let_pass(SETTLE_SECONDS if count else 3.0)
        before = cpu_seconds(server.pid), cpu_seconds(server.postgres_pid)
        with listening(server.postgres) as heard:
            let_pass(seconds, "the window")
        after = cpu_seconds(server.pid), cpu_seconds(server.postgres_pid)
        asked = heard.get(server.database.name, Statements())
        rss = memory(server.pid).rss
        offered = _offer_times(server) if count else [0.0]
    minute = 60 / seconds
    return Crowd(
        agents=count,
        heartbeat_seconds=server.heartbeat_seconds,
        api_cpu_seconds=(after[0] - before[0]) * minute,
        postgres_cpu_seconds=(after[1] - before[1]) * minute,
        reads=asked.reads * minute,
        writes=asked.writes * minute,
        api_rss=rss / MB,
        offered_p50=median(offered),
        offered_p99=percentile(offered, 99),
    )


@contextmanager
def _agents(server: Server, count: int) -> Iterator[None]:
    """Let so many agents wait for work, by the agent's own client, in one process."""
    if count == 0:
        yield
        return
    arguments = ["--url", server.bed.url, "--queue", "nobody", "--idle-queue", QUEUE, "--agents", "0"]
    arguments += ["--idle", str(count), "--slots", "4", "--rows", str(10**9), "--seconds", "3600"]
    arguments += ["--heartbeat-seconds", str(server.heartbeat_seconds)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.agent_clients", *arguments],
        cwd=ROOT,
        env=clean_environment(server.home, EDGE_AGENT_TOKEN=server.token),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as clients:
        try:
            assert clients.stdout is not None
            assert clients.stdin is not None
            assert clients.stdout.readline() == "ready\n", "the agents failed; what they said stands above"
            clients.stdin.write("\n")
            clients.stdin.flush()
            yield
        finally:
            clients.kill()


def _offer_times(server: Server) -> list[float]:
    """Return how many seconds after they were queued some jobs were confirmed, one given after the other."""
    ids = []
    for _ in range(JOBS):
        job = jobs.NewJob(JobKind.COMMAND, Placement(QUEUE), {"command": "true"}, "a job")
        with Session(server.engine) as session:
            ids.append(jobs.submit(session, job, QueueConfig()))
            session.commit()
        let_pass(PAUSE_SECONDS)
    took = "extract(epoch FROM confirmed_at - queued_at)::float AS took"
    seen = f"SELECT {took} FROM edge_agent_job WHERE id = ANY(%s::uuid[])"  # noqa: S608  our own words
    wanted = [str(each) for each in ids]
    wait_until(
        lambda: [row["took"] for row in server.database.rows(seen, wanted)],
        until=lambda times: None not in times,
        what="all are confirmed",
        timeout=60,
        interval=0.5,
    )
    return [float(row["took"]) for row in server.database.rows(seen, wanted)]
