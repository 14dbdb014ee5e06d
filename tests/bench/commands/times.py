"""How long one command takes: until it runs, and until its task has ended."""

from __future__ import annotations

from tests.bench.commands.figures import Row, Section
from tests.bench.commands.sides import Side
from tests.bench.commands.stage import Stage
from tests.support.waiting import wait_until

METHOD = """\
{singles} runs of a Dag with one task whose command notes the time and then is `true`; one at a time, the sides in
turn, each has run once before. Task times are Airflow's start_date and end_date, the start of the command is its own
`date +%s.%N`; all clocks are one machine's. ssh defers every command: to the triggerer, through the scheduler's loop,
and to a worker again. Ours defers one that has not ended within three seconds. Median, and in brackets
the 99th percentile, which is nearly the slowest."""
LIMIT = 90.0


def measure_times(stage: Stage) -> Section:
    """Run single commands, each side in turn."""
    section = Section("times", "One command", METHOD.format(singles=stage.plan.singles))
    starts: dict[str, list[float]] = {side.key: [] for side in stage.sides}
    ends: dict[str, list[float]] = {side.key: [] for side in stage.sides}
    for side in stage.sides:
        run_one(stage, side)  # The first imports and connects: not counted.
    for number in range(stage.plan.singles):
        for side in stage.sides:
            to_start, to_end = run_one(stage, side)
            starts[side.key].append(to_start)
            ends[side.key].append(to_end)
        stage.say(f"one command: round {number + 1} of {stage.plan.singles}")
    section.rows = [
        Row.of_samples("start", "task's start to the command's", "s", starts),
        Row.of_samples("end", "`true` from end to end", "s", ends),
    ]
    section.samples = ends
    section.notes = stage.notes()
    return section


def run_one(stage: Stage, side: Side) -> tuple[float, float]:
    """Run one command; return the seconds from its task's start to its own, and to its task's end."""
    run, task = stage.once(side, "single", LIMIT)
    noted = wait_until(lambda: run.mark.read_text(encoding="ascii"), what="the command has noted the time")
    return float(noted) - task["start"], task["end"] - task["start"]
