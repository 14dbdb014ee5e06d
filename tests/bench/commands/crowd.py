"""Many commands at once."""

from __future__ import annotations

from tests.bench.commands.figures import Row, Section
from tests.bench.commands.stage import PARALLELISM, SLOTS, Stage

METHOD = """\
One mapped task of {crowd} commands `true` for each side, once: from the first start_date to the last end_date.
Airflow's parallelism is {parallelism}, its default; the agent has {slots} slots; sshd lets 1,000 connections begin at
once, because with its default (`MaxStartups 10:30:100`) it refuses some of these. Failed by the scheduler: Airflow's
own race, in which a deferred task comes back before the scheduler has heard that its first half is over; whose it
hits is chance."""
LIMIT = 240.0


def measure_crowd(stage: Stage) -> Section:
    """Start many commands at once, side after side."""
    method = METHOD.format(crowd=stage.plan.crowd, parallelism=PARALLELISM, slots=SLOTS)
    section = Section("crowd", f"{stage.plan.crowd} commands at once", method)
    seconds, failed = {}, {}
    for side in stage.sides:
        tasks = stage.start(side, "crowd").wait(LIMIT)
        assert len(tasks) == stage.plan.crowd, f"{side.name}: {len(tasks)} tasks"
        seconds[side.key] = max(task["end"] for task in tasks) - min(task["start"] for task in tasks)
        failed[side.key] = float(sum(task["state"] != "success" for task in tasks))
        stage.say(f"{stage.plan.crowd} at once, {side.name}: {seconds[side.key]:.1f} s")
    section.rows = [
        Row("crowd", f"{stage.plan.crowd} at once, first start to last end", "s", seconds),
        Row("crowd_failed", "of these failed by the scheduler", "", failed, judged=False),
    ]
    section.samples = {side: [value] for side, value in seconds.items()}
    return section
