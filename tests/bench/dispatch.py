"""(a) How long a task that is queued waits until it runs, while its worker has nothing else to do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.bench.figures import Line, Section, percentile
from tests.bench.pauses import let_pass
from tests.bench.systems import Site, Variant
from tests.support.process import Process
from tests.support.waiting import wait_until

TASK = "SELECT state, queued_dttm, start_date, end_date FROM task_instance WHERE dag_id = %s AND run_id = %s"
JOB = "SELECT id, queued_at, offered_at, confirmed_at FROM edge_agent_job WHERE dag_id = %s AND run_id = %s"
METHOD = """\
{singles} runs of a Dag with one empty PythonOperator for each variant, one at a time, the variants in turn,
all workers up and idle. Before each comes a pause of random length (0 to 5 s before edge3 with its default,
0 to 1 s before the others), so that polls are met at any phase. Queued and start_date are Airflow's own, from
its database."""
STEPS = ("job row written", "offered", "confirmed", "process started", "task's start_date")
"""The way of a job of ours, each with the time since the one before."""


def measure_dispatch(site: Site) -> Section:
    """Trigger single tasks, one at a time and each variant in turn, with pauses of random length between."""
    section = Section("dispatch", "Dispatch: one task, idle worker", METHOD.format(singles=site.plan.singles))
    seconds: dict[str, list[float]] = {variant.name: [] for variant in site.variants}
    ways: list[list[datetime]] = []
    dice = random.Random(1)
    for variant in site.variants:
        run_one(variant)  # The first task of a worker warms its caches: not counted.
    for _ in range(site.plan.singles):
        for variant in site.variants:
            let_pass(dice.uniform(0, variant.poll_seconds))
            task = run_one(variant)
            seconds[variant.name].append((task["start_date"] - task["queued_dttm"]).total_seconds())
            if variant.system is site.ours:
                ways.append(_way(site, variant, task))
    section.series = seconds
    _add_lines(section, site, seconds, ways)
    return section


def run_one(variant: Variant) -> dict[str, Any]:
    """Run the single task once and return its row, with ``dag_id`` and ``run_id``."""
    run = variant.system.bed.rest.trigger(f"single_{variant.queue}")
    row = wait_until(
        lambda: variant.system.database.rows(TASK, run.dag_id, run.run_id),
        until=lambda rows: rows and rows[0]["state"] in ("success", "failed"),
        what=f"a single task of {variant.name} ends",
        timeout=60,
    )[0]
    assert row["state"] == "success", f"{run.dag_id} {run.run_id} failed: {run.log('nothing')}"
    return row | {"dag_id": run.dag_id, "run_id": run.run_id}


def _way(site: Site, variant: Variant, task: dict[str, Any]) -> list[datetime]:
    """Return when each of ``STEPS`` was reached: by our row, the agent's log and Airflow's row."""
    job = site.ours.database.rows(JOB, task["dag_id"], task["run_id"])[0]
    started = wait_until(
        _started_at(site.worker_of(variant), job["id"]),
        what="the agent's log tells of the start",
    )
    return [job["queued_at"], job["offered_at"], job["confirmed_at"], started, task["start_date"]]


def _started_at(agent: Process, job_id: str) -> Callable[[], datetime | None]:
    """Return a function that looks for the start of a job in the log of its agent."""

    def look() -> datetime | None:
        for text in reversed(agent.output().splitlines()):
            if job_id in text and text.startswith("{") and text.endswith("}"):
                line = json.loads(text)
                if line["event"] == "assignment_started":
                    return datetime.fromisoformat(line["timestamp"])
        return None

    return look


def _add_lines(section: Section, site: Site, seconds: dict[str, list[float]], ways: list[list[datetime]]) -> None:
    edge3, edge3_1s, ours = (seconds[variant.name] for variant in site.variants)
    for percent in (50, 90, 99):
        slow, fast, mine = (percentile(each, percent) * 1000 for each in (edge3, edge3_1s, ours))
        is_judged = percent == 50
        section.lines.append(
            Line(
                f"task queued to start_date, p{percent}",
                "ms",
                mine,
                slow,
                fast,
                bar="at most 1/10 of edge3's default, 1/2 of its 1 s poll" if is_judged else "",
                met=mine <= slow / 10 and mine <= fast / 2 if is_judged else None,
            )
        )
    started = [(way[3] - way[0]).total_seconds() * 1000 for way in ways]
    for percent, limit in ((50, 150), (90, None), (99, 400)):
        value = percentile(started, percent)
        section.lines.append(
            Line(
                f"our job row queued to child process started, p{percent}",
                "ms",
                value,
                bar=f"at most {limit} ms" if limit else "",
                met=value <= limit if limit else None,
            )
        )
    section.notes.append(_spent(ways))


def _spent(ways: list[list[datetime]]) -> str:
    """Say where the time of a dispatch of ours goes."""
    steps = []
    for number, (_, name) in enumerate(pairwise(STEPS)):
        taken = percentile([(way[number + 1] - way[number]).total_seconds() for way in ways], 50)
        steps.append(f"{name} {taken * 1000:+.0f} ms")
    return (
        f"Where ours spends it (medians from step to step): {STEPS[0]}, {', '.join(steps)}. "
        "Process started is when the agent has heard so from the child itself."
    )
