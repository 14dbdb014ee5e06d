"""The audit: what the ledger, Airflow's tables and the queue's tables say of the same runs, side by side."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

EXPECTED = {
    "short": "success",
    "long": "success",
    "tmux": "success",
    "deferrable": "success",
    "failing": "failed",
    "unwanted": "failed",
}

RUNS = "SELECT dag_id, run_id, state FROM dag_run"
JOBS = """
SELECT run_id, dag_id, try_number, state, reason, settled, owner, agent_name, confirmed_at, ended_at
FROM edge_agent_job
"""


@dataclass(frozen=True)
class Line:
    """One line of the ledger."""

    event: str
    run: str
    task: str
    try_number: int
    pid: int
    ticks: int
    agent: str
    at: float
    beside: tuple[int, ...]

    @property
    def process(self) -> tuple[int, int]:
        """Which process wrote it."""
        return self.pid, self.ticks


@dataclass(frozen=True)
class Books:
    """Everything there is to compare."""

    ledger: list[Line]
    runs: list[Any]
    jobs: list[Any]

    @classmethod
    def open(cls, ledger: Path, database_url: str) -> Books:
        """Read ledger and tables."""
        lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
        engine = create_engine(database_url)
        with engine.connect() as connection:
            runs, jobs = (list(connection.execute(text(query))) for query in (RUNS, JOBS))
        engine.dispose()
        return cls([_line(each) for each in lines], runs, jobs)

    def open_runs(self) -> list[Any]:
        """Return the runs that have not ended."""
        return [run for run in self.runs if run.state in ("queued", "running")]

    def open_jobs(self) -> list[Any]:
        """Return the jobs that have not ended, or whose end their scheduler does not know."""
        return [job for job in self.jobs if job.ended_at is None or not (job.settled or job.owner is None)]

    def complaints(self) -> list[str]:
        """Return what must not be, in words; nothing when every promise was kept."""
        return [*self._stuck(), *self._wrong_ends(), *self._twice(), *self._unheard()]

    def summary(self) -> str:
        """Say in one line what happened."""
        ends = Counter(f"{job.state}/{job.reason}" for job in self.jobs)
        shown = ", ".join(f"{count} {name}" for name, count in sorted(ends.items()))
        starts = sum(line.event == "start" for line in self.ledger)
        return f"{len(self.runs)} runs, {len(self.jobs)} jobs ({shown}), {starts} starts"

    def _stuck(self) -> Iterator[str]:
        for run in self.open_runs():
            yield f"stuck: {run.dag_id} {run.run_id} is still {run.state}"
        for job in self.open_jobs():
            yield f"stuck: a job of {job.dag_id} {job.run_id} try {job.try_number} is {job.state}, not settled"

    def _wrong_ends(self) -> Iterator[str]:
        for run in self.runs:
            expected = EXPECTED[run.dag_id.removeprefix("chaos_")]
            if run.state in ("success", "failed") and run.state != expected:
                yield f"wrong end: {run.dag_id} {run.run_id} is {run.state}, not {expected}"

    def _twice(self) -> Iterator[str]:
        """Two processes of one try at the same time; or of two tries, unless the first one's agent was lost."""
        lost = {(job.run_id, job.dag_id, job.try_number) for job in self.jobs if job.reason == "agent_lost"}
        for line in self.ledger:
            for other in line.beside:
                if other == line.try_number or (line.run, line.task, other) not in lost:
                    yield f"twice: try {other} of {line.task} {line.run} ran when try {line.try_number} began"

    def _unheard(self) -> Iterator[str]:
        """A start without a confirm, and a success without an end."""
        confirmed = Counter((job.run_id, job.dag_id) for job in self.jobs if job.confirmed_at is not None)
        by_run: dict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in self.ledger:
            by_run[line.run, line.task].append(line)
        for key, lines in by_run.items():
            starts = sum(line.event == "start" for line in lines)
            if starts > confirmed[key]:
                yield f"unasked: {key[1]} {key[0]} started {starts} times and was confirmed {confirmed[key]} times"
        for run in self.runs:
            last = by_run[run.run_id, run.dag_id][-1:]
            if run.state == "success" and [line.event for line in last] != ["end"]:
                yield f"no end: {run.dag_id} {run.run_id} succeeded and its last line is {last}"


def _line(fields: dict[str, Any]) -> Line:
    return Line(
        event=fields["event"],
        run=fields["run"],
        task=fields["task"],
        try_number=fields["try"],
        pid=fields["pid"],
        ticks=fields["ticks"],
        agent=fields["agent"],
        at=fields["at"],
        beside=tuple(fields["beside"]),
    )
