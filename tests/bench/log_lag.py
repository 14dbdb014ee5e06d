"""(f) How long after a task wrote a line the line can be read through Airflow's REST API."""

from __future__ import annotations

import re
import time

from tests.bench.figures import Line, Section, percentile
from tests.bench.systems import Site, Variant
from tests.support.waiting import wait_until

MARK = re.compile(r"mark (\d+) (\d+\.\d+)")
LOOK_SECONDS = 0.1
METHOD = """\
A task prints {lines} lines, one every 0.25 to 0.75 s, each with the time it was written. The log endpoint of
Airflow's REST API is asked every {look_seconds} s; a line's lag is from its writing to the first answer that
has it. Worker and API server have separate log folders, as they do on different machines."""


def measure_log_lag(site: Site) -> Section:
    """Let a task write lines with their time, and ask for its log all the time."""
    lines = site.plan.log_lines
    section = Section("logs", "Log of a running task", METHOD.format(lines=lines, look_seconds=LOOK_SECONDS))
    for variant in site.variants:
        section.series[variant.name] = _lags(variant, lines)
    edge3, edge3_1s, ours = (section.series[variant.name] for variant in site.variants)
    for percent in (50, 95):
        value = percentile(ours, percent)
        last = percent == 95
        section.lines.append(
            Line(
                f"line written to line readable, p{percent}",
                "s",
                value,
                percentile(edge3, percent),
                percentile(edge3_1s, percent),
                bar="at most 1 s" if last else "",
                met=value <= 1.0 if last else None,
            )
        )
    return section


def _lags(variant: Variant, lines: int) -> list[float]:
    run = variant.system.bed.rest.trigger(f"spoken_{variant.queue}")
    run.wait_for_task("speak", "running", timeout=60)
    seen: dict[int, float] = {}

    def read() -> int:
        text = run.log("speak")
        now = time.time()
        for number, written in MARK.findall(text):
            seen.setdefault(int(number), now - float(written))
        return len(seen)

    wait_until(
        read,
        until=lambda count: count == lines,
        what=f"all lines of {run.dag_id} can be read",
        timeout=lines + 60,
        interval=LOOK_SECONDS,
    )
    assert run.wait() == "success"
    return [seen[number] for number in sorted(seen)]
