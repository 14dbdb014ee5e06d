"""(b) Many trivial tasks at once: how fast a worker of 16 slots gets them done, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import mean

from tests.bench.figures import Line, Section
from tests.bench.machine import cpu_seconds, memory
from tests.bench.systems import Site, Variant
from tests.support.waiting import wait_until

SPAN = (
    "SELECT extract(epoch FROM max(end_date) - min(queued_dttm))::float AS seconds, count(*) AS tasks, "
    "count(*) FILTER (WHERE state = 'success') AS good FROM task_instance WHERE dag_id = %s AND run_id = %s"
)
OPEN_JOBS = {
    "edge3": "SELECT count(*) FROM edge_job WHERE state NOT IN ('success', 'failed') AND run_id = %s",
    "edge agent": "SELECT count(*) FROM edge_agent_job WHERE ended_at IS NULL AND run_id = %s",
}
SAMPLE_SECONDS = 3.0
METHOD = """\
{rounds} runs for each variant in turn, means. From the first task queued to the last end_date, by Airflow's
database. parallelism, pool, max_active_tasks and max_tis_per_query are 512 or more, so that only the worker's
slots limit. CPU is that of whole process families, ended children included (a subreaper stands above each
worker), read from /proc before and after."""


@dataclass
class Wave:
    """One run of the mapped Dag."""

    seconds: float
    tasks: int
    peak_pss: int
    worker_cpu: float
    api_cpu: float
    scheduler_cpu: float
    postgres_cpu: float


def measure_throughput(site: Site) -> Section:
    """Run the mapped Dag of each variant, in turn, as often as the plan says."""
    plan = site.plan
    section = Section(
        "throughput",
        f"Throughput: {plan.mapped} mapped empty tasks, {plan.slots} slots",
        METHOD.format(rounds=plan.mapped_rounds),
    )
    waves: dict[str, list[Wave]] = {variant.name: [] for variant in site.variants}
    for _ in range(plan.mapped_rounds):
        for variant in site.variants:
            waves[variant.name].append(_run_wave(site, variant))
    section.series = {name: [wave.tasks / wave.seconds for wave in some] for name, some in waves.items()}
    edge3, edge3_1s, ours = (waves[variant.name] for variant in site.variants)
    mine, slow, fast = (mean(wave.tasks / wave.seconds for wave in some) for some in (ours, edge3, edge3_1s))
    section.lines.append(
        Line(
            "tasks per second",
            "1/s",
            mine,
            slow,
            fast,
            less_is_better=False,
            bar="at least 1.3 x edge3",
            met=mine >= 1.3 * slow,
        )
    )
    for name in ("seconds", "worker_cpu", "api_cpu", "scheduler_cpu", "postgres_cpu", "peak_pss"):
        section.lines.append(_cost(name, ours, edge3, edge3_1s))
    return section


_WORDS = {
    "seconds": ("wall time", "s"),
    "worker_cpu": ("CPU per task, worker and tasks", "ms"),
    "api_cpu": ("CPU per task, api-server", "ms"),
    "scheduler_cpu": ("CPU per task, scheduler", "ms"),
    "postgres_cpu": ("CPU per task, Postgres", "ms"),
    "peak_pss": ("peak memory (PSS), worker and tasks", "MB"),
}


def _cost(name: str, *variants: list[Wave]) -> Line:
    what, unit = _WORDS[name]

    def value(wave: Wave) -> float:
        amount: float = getattr(wave, name)
        return {"s": amount, "ms": amount / wave.tasks * 1000, "MB": amount / 1e6}[unit]

    mine, slow, fast = (mean(map(value, some)) for some in variants)
    return Line(what, unit, mine, slow, fast)


def _run_wave(site: Site, variant: Variant) -> Wave:
    system = variant.system
    assert site.postgres.server is not None
    roots = [
        site.worker_of(variant).pid,
        system.pid("api-server"),
        system.pid("scheduler"),
        site.postgres.server.pid,
    ]
    before = [cpu_seconds(root) for root in roots]
    run = system.bed.rest.trigger(f"mapped_{variant.queue}")
    peak, next_look = 0, 0.0

    def is_over() -> bool:
        nonlocal peak, next_look
        if time.monotonic() >= next_look:
            peak = max(peak, memory(roots[0]).pss)
            next_look = time.monotonic() + SAMPLE_SECONDS
        ended = "SELECT state IN ('success', 'failed') FROM dag_run WHERE dag_id = %s AND run_id = %s"
        return bool(system.database.value(ended, run.dag_id, run.run_id)) and not system.database.value(
            OPEN_JOBS[system.name], run.run_id
        )

    wait_until(is_over, what=f"{run.dag_id} ends", timeout=300, interval=0.25)
    after = [cpu_seconds(root) for root in roots]
    span = system.database.rows(SPAN, run.dag_id, run.run_id)[0]
    assert span["good"] == span["tasks"] == site.plan.mapped, f"{run.dag_id}: {span}"
    used = [late - early for late, early in zip(after, before, strict=True)]
    return Wave(span["seconds"], span["tasks"], peak, *used)
