"""Many commands at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.bench.commands.figures import Row, Section
from tests.bench.commands.stage import PARALLELISM, SLOTS, Run, Stage

METHOD = """\
One mapped task of {crowd} commands `true` for each side, once: from the first start_date to the last end_date.
Airflow's parallelism is {parallelism}, its default; the agent has {slots} slots; sshd lets 1,000 connections begin at
once, because with its default (`MaxStartups 10:30:100`) it refuses some of these. Failed by the scheduler: Airflow's
own race, in which a deferred task comes back before the scheduler has heard that its first half is over; whose it
hits is chance. Failed by themselves: their operator gave up."""
LIMIT = 240.0
WHY = re.compile(r"Task failed with exception (.*)")


def measure_crowd(stage: Stage) -> Section:
    """Start many commands at once, side after side."""
    method = METHOD.format(crowd=stage.plan.crowd, parallelism=PARALLELISM, slots=SLOTS)
    section = Section("crowd", f"{stage.plan.crowd} commands at once", method)
    seconds: dict[str, float] = {}
    by_scheduler: dict[str, float] = {}
    by_themselves: dict[str, float] = {}
    for side in stage.sides:
        run = stage.start(side, "crowd")
        tasks = run.ended(LIMIT)
        assert len(tasks) == stage.plan.crowd, f"{side.name}: {len(tasks)} tasks"
        seconds[side.key] = max(task["end"] for task in tasks) - min(task["start"] for task in tasks)
        reasons = _reasons(run, tasks)
        by_scheduler[side.key] = min(run.failed_by_scheduler(), len(reasons))
        by_themselves[side.key] = len(reasons) - by_scheduler[side.key]
        if by_themselves[side.key]:
            said = sorted({why for why in reasons if why})
            section.notes.append(f"{side.name}: {by_themselves[side.key]:.0f} failed by themselves: {'; '.join(said)}")
        stage.say(f"{stage.plan.crowd} at once, {side.name}: {seconds[side.key]:.1f} s")
    section.rows = [
        Row("crowd", f"{stage.plan.crowd} at once, first start to last end", "s", seconds),
        Row("crowd_failed", "of these failed by the scheduler", "", by_scheduler, judged=False),
        Row("crowd_gave_up", "of these failed by themselves", "", by_themselves),
    ]
    section.samples = {side: [value] for side, value in seconds.items()}
    return section


def _reasons(run: Run, tasks: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the log of each failed task says of why; nothing of one that the scheduler took for dead."""
    logs = [run.log(task) for task in tasks if task["state"] != "success"]
    return [found[1] if (found := WHY.search(said)) else "" for said in logs]
