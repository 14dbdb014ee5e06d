"""(c) How fast one API server hands out jobs and takes their ends, with clients that do nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import stock_clients
from tests.bench.dags import NOBODY
from tests.bench.figures import Line, Section, percentile
from tests.bench.machine import cpu_seconds
from tests.bench.systems import IDLE, Site, System
from tests.bench.waiting_work import fill_queued
from tests.support.process import clean_environment

ROOT = Path(__file__).parents[2]
METHOD = """\
{rows:,} jobs wait: copies of one that the scheduler queued, each with a task instance of its own. The
clients are all in one process and do nothing but fetch a job, report it running and report it successful
(edge3, by its own client), or poll, confirm and report in batches (ours, by the agent's own client), until
all jobs are done or {seconds:g} s are over. Clients, api-server and Postgres share the machine; the
schedulers are stopped."""


@dataclass(frozen=True)
class Speed:
    """What one measurement brought."""

    per_second: float
    fetch_p50: float
    fetch_p99: float
    api_cpu_ms: float
    """Of the api-server, for each cycle."""


def measure_cycles(site: Site) -> Section:
    """Measure both protocols with 1 and 8 clients, and ours with crowds of agents."""
    plan = site.plan
    section = Section(
        "cycles",
        "Protocol: jobs through one api-server process",
        METHOD.format(rows=plan.cycle_rows, seconds=plan.cycle_seconds),
    )
    alone, alone_kept = _edge3(site, 1), _edge3(site, 1, keep_alive=True)
    eight, eight_kept = _edge3(site, 8), _edge3(site, 8, keep_alive=True)
    ours_1, ours_8 = _ours(site, 1, plan.slots), _ours(site, 8, plan.slots)
    single_8, large_8 = _ours(site, 8, 1), _ours(site, 8, 64)
    add = section.lines.append
    add(_line(f"jobs per second, 1 client, batches of {plan.slots}", ours_1, alone))
    bar, met = "at least 10 x edge3", ours_8.per_second >= 10 * eight.per_second
    add(_line(f"jobs per second, 8 clients, batches of {plan.slots}", ours_8, eight, bar=bar, met=met))
    add(_line("jobs per second, 8 clients, batches of up to 64", large_8, eight))
    add(_line("jobs per second, 8 clients, one job at a time", single_8, eight))
    add(_line("jobs per second, 1 client, edge3 made to keep its connection", ours_1, alone_kept))
    add(_line("jobs per second, 8 clients, edge3 made to keep its connections", ours_8, eight_kept))
    add(Line("api-server CPU for each job, 8 clients", "ms", ours_8.api_cpu_ms, eight.api_cpu_ms))
    for name, percent in (("p50", "fetch_p50"), ("p99", "fetch_p99")):
        mine, theirs = (getattr(speed, percent) * 1000 for speed in (ours_8, eight))
        add(Line(f"answer to a fetch or poll, 8 clients, {name}", "ms", mine, theirs))
    _add_crowds(section, site)
    section.series["8 clients"] = [eight.per_second, ours_8.per_second]
    section.series["1 client"] = [alone.per_second, ours_1.per_second]
    return section


def _add_crowds(section: Section, site: Site) -> None:
    """Add how ours does with many agents at once: all of them busy, or eight of them."""
    slots = 4
    first: float | None = None
    for count in site.plan.crowds:
        speed = _ours(site, count, slots, seconds=site.plan.crowd_seconds).per_second
        first = first or speed
        is_last = count == site.plan.crowds[-1]
        section.lines.append(
            Line(
                f"jobs per second, {count} agents at once, batches of {slots}",
                "1/s",
                speed,
                less_is_better=False,
                bar=f"no fall from {site.plan.crowds[0]} to {count} agents (0.9 x)" if is_last else "",
                met=speed >= 0.9 * first if is_last else None,
            )
        )
        section.series.setdefault("crowd sizes", []).append(count)
        section.series.setdefault("crowd speeds", []).append(speed)
    idle = site.plan.crowds[-1] - 8
    speed = _ours(site, 8, site.plan.slots, idle=idle).per_second
    section.lines.append(
        Line(
            f"jobs per second, 8 agents, batches of {site.plan.slots}, {idle} others wait on another queue",
            "1/s",
            speed,
            less_is_better=False,
        )
    )


def _line(what: str, ours: Speed, edge3: Speed, *, bar: str = "", met: bool | None = None) -> Line:
    return Line(what, "1/s", ours.per_second, edge3.per_second, less_is_better=False, bar=bar, met=met)


def _edge3(site: Site, clients: int, *, keep_alive: bool = False) -> Speed:
    home = site.home / "hosts" / "clients"
    command = [str(site.stock.python), stock_clients.__file__, "cycle", "--clients", str(clients)]
    command += ["--keep-alive"] if keep_alive else []
    return _measure(site, site.stock, command, site.stock_environment(home))


def _ours(site: Site, agents: int, slots: int, *, idle: int = 0, seconds: float = 0) -> Speed:
    command = [sys.executable, "-m", "tests.bench.agent_clients", "--url", site.ours.bed.url]
    command += ["--agents", str(agents), "--slots", str(slots), "--idle", str(idle), "--idle-queue", IDLE]
    environment = clean_environment(site.home, EDGE_AGENT_TOKEN=site.agent_token)
    return _measure(site, site.ours, command, environment, seconds)


def _measure(site: Site, system: System, command: list[str], environment: dict[str, str], seconds: float = 0) -> Speed:
    fill_queued(system, site.plan.cycle_rows)
    command += ["--queue", NOBODY, "--rows", str(site.plan.cycle_rows)]
    command += ["--seconds", str(seconds or site.plan.cycle_seconds)]
    errors = site.home / "hosts" / "clients.log"
    with (
        errors.open("wb") as log,
        subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as clients,
    ):
        assert clients.stdout is not None
        assert clients.stdin is not None
        assert clients.stdout.readline() == "ready\n", errors.read_text(encoding="utf-8")
        before = cpu_seconds(system.pid("api-server"))
        clients.stdin.write("go\n")
        clients.stdin.flush()
        answer = clients.stdout.read()
        used = cpu_seconds(system.pid("api-server")) - before
    assert clients.returncode == 0, errors.read_text(encoding="utf-8")
    result: dict[str, Any] = json.loads(answer)
    asked = result["fetch_seconds"]
    return Speed(
        result["cycles"] / result["seconds"],
        percentile(asked, 50),
        percentile(asked, 99),
        used / result["cycles"] * 1000,
    )
