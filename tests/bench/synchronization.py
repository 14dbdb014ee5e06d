"""(e) How long ``sync()`` keeps the scheduler's loop while jobs run and nothing changes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from statistics import median

from tests.bench import sync_probe
from tests.bench.figures import Line, Section
from tests.bench.systems import EDGE3, OURS, Site
from tests.bench.waiting_work import fill_running

AGED_SECONDS = 400
"""Beyond ``task_instance_heartbeat_timeout``, after which edge3 asks for each job's task instance."""
LIMIT_MS = 20
METHOD = """\
Running jobs with running task instances of their own, adopted by a fresh executor; the median of {calls}
calls. edge3 with jobs younger than 300 s, and older. Ours: its throttle (0.25 s) is passed over by a
clock that moves 0.3 s from call to call, so that every call reads the table, and every seventh also
compares jobs with Airflow's task instances, as it does every 2 s in operation."""


def measure_sync(site: Site) -> Section:
    """Time both executors with more and more running jobs."""
    section = Section("sync", "`sync()` of the executor, nothing changed", METHOD.format(calls=site.plan.sync_calls))
    ours_series, young_series, aged_series = [], [], []
    for rows in site.plan.sync_rows:
        young = _edge3(site, rows, 0, site.plan.sync_calls)
        # Ten thousand aged ones take ten seconds a call.
        aged = _edge3(site, rows, AGED_SECONDS, 3 if rows > 1000 else site.plan.sync_calls)
        ours = _ours(site, rows)
        mine, compared = median(ours), max(ours)
        is_last = rows == site.plan.sync_rows[-1]
        section.lines += [
            Line(
                f"sync(), {rows:,} running jobs older than 300 s",
                "ms",
                mine,
                median(aged),
                bar=f"at most {LIMIT_MS} ms" if is_last else "",
                met=mine <= LIMIT_MS if is_last else None,
            ),
            Line(f"sync(), {rows:,} running jobs younger than 300 s", "ms", mine, median(young)),
            Line(f"sync(), {rows:,} running jobs, slowest call of ours, with the comparison", "ms", compared),
        ]
        ours_series.append(mine)
        young_series.append(median(young))
        aged_series.append(median(aged))
    section.series = {
        "rows": [float(rows) for rows in site.plan.sync_rows],
        "edge3, jobs older than 300 s": aged_series,
        "edge3, jobs younger than 300 s": young_series,
        "edge agent": ours_series,
    }
    return section


def _edge3(site: Site, rows: int, age_seconds: float, calls: int) -> list[float]:
    fill_running(site.stock, rows, age_seconds=age_seconds)
    return _probe(str(site.stock.python), EDGE3, site.stock.bed.environment, rows, calls)


def _ours(site: Site, rows: int) -> list[float]:
    fill_running(site.ours, rows)
    return _probe(sys.executable, OURS, site.ours.bed.environment, rows, site.plan.sync_calls)


def _probe(python: str, executor: str, environment: Mapping[str, str], rows: int, calls: int) -> list[float]:
    """Return how many milliseconds each call took."""
    done = subprocess.run(
        [python, sync_probe.__file__, executor.partition(":")[2], str(calls)],
        check=False,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{executor}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["held"] == result["left"] == rows, f"{executor}: {result}"
    return [seconds * 1000 for seconds in result["seconds"]]
