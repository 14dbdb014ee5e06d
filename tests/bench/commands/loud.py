"""A command that writes a lot: how soon it is in the task's log, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.bench.commands.dags import LINE
from tests.bench.commands.figures import Row, Section
from tests.bench.commands.stage import Run, Stage
from tests.bench.pauses import let_pass

METHOD = """\
One command for each side writes {lines:,} lines of 100 bytes as fast as it can. Counted are the different lines that
stand in the files of the task's log, the worker's and the triggerer's, once the task has ended and they grow no more.
Lines a second: those that are there, divided by the time from start_date to end_date; a task that ends soon because it
leaves its log behind gains nothing by that."""
LIMIT = 240.0
QUIET_SECONDS = 4.0
"""A log that has not grown for so long is complete."""


def measure_log(stage: Stage) -> Section:
    """Let each side run the loud command."""
    lines = stage.plan.lines
    section = Section("log", f"{lines / 10_000:g} MB of log", METHOD.format(lines=lines))
    seconds, shares, speeds = {}, {}, {}
    for side in stage.sides:
        run, task = stage.once(side, "loud", LIMIT)
        there = len(lines_in(_complete(run)))
        took = task["end"] - task["start"]
        seconds[side.key], shares[side.key], speeds[side.key] = took, there / lines * 100, there / took
        stage.say(f"log, {side.name}: {there:,} of {lines:,} lines in {took:.1f} s")
    section.rows = [
        Row("log_share", "lines that are in the log", "%", shares, less_is_better=False),
        Row("log_seconds", "task's start to its end", "s", seconds),
        Row("log_speed", "lines that are in the log, in each second", "1/s", speeds, less_is_better=False),
    ]
    section.samples = {side: [value] for side, value in shares.items()}
    section.notes = stage.notes()
    return section


def _complete(run: Run) -> list[Path]:
    """Return the files of a log once they grow no more: the last lines are written after Airflow knows the end."""
    size = -1
    while size != (size := sum(file.stat().st_size for file in run.log_files())):
        let_pass(QUIET_SECONDS)
    return run.log_files()


def lines_in(files: Iterable[Path]) -> set[int]:
    """Return the numbers of the lines that these files hold, each once."""
    found = set()
    for file in files:
        found |= {int(number) for number in LINE.findall(file.read_text(encoding="utf-8", errors="replace"))}
    return found
