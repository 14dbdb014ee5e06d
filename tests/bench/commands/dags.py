"""The Dags of all sides: one text, in which only the operator and its arguments differ."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from tests.bench.commands.plan import Plan
from tests.bench.commands.sides import IMPORTS, Side

TASK_ID = "command"
LINE = re.compile(r"line (\d{8}) \.{85}")
"""What the loud command writes, again and again: 100 bytes with the end of the line."""
FORMAT = "line %08.0f " + "." * 85

_TEXT = """\
from airflow.sdk import DAG

from {module} import {operator}

JOBS = "{jobs}"
SIDE = dict(task_id="{task_id}"{arguments})
MARK = "{{{{ dag_run.conf.mark }}}}"

with DAG("single_{key}", schedule=None):
    {operator}(command=f"date +%s.%N > {{MARK}}; true", **SIDE)

with DAG("crowd_{key}", schedule=None, max_active_tasks=1000):
    {operator}.partial(**SIDE).expand(command=["true"] * {crowd})

with DAG("loud_{key}", schedule=None):
    {operator}(command="seq -f '{format}' 1 {lines}", **SIDE)

with DAG("held_{key}", schedule=None):
    {operator}(command=f"echo $$ > {{MARK}}; sleep 3600", **SIDE)
"""
KINDS = ("single", "crowd", "loud", "held")


def write_dags(folder: Path, sides: Collection[Side], plan: Plan, jobs: Path) -> set[str]:
    """Write one file for each side, and return the ids of all Dags in them. ``jobs``: where ssh's files are to be."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in sides:
        text = text_of(side, plan, jobs)
        (folder / f"commands_{side.key}.py").write_text(text, encoding="utf-8")
    return {f"{kind}_{side.key}" for side in sides for kind in KINDS}


def text_of(side: Side, plan: Plan, jobs: Path) -> str:
    """Return the Dag file of a side."""
    text = _TEXT.format(
        module=IMPORTS[side.operator],
        operator=side.operator,
        arguments=f", {side.arguments}" if side.arguments else "",
        key=side.key,
        jobs=jobs,
        task_id=TASK_ID,
        crowd=plan.crowd,
        lines=plan.lines,
        format=FORMAT,
    )
    # BashOperator calls it by another name.
    return text.replace("command=", "bash_command=") if side.operator == "BashOperator" else text
