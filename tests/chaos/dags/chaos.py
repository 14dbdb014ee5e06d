"""The load: tasks that write to a ledger when they start and end, whoever runs them, wherever.

Each line is one JSON object, appended whole. A task that starts looks whether an earlier process of the same
task instance still lives: nobody can tell that later.
"""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag

SECONDS = {"short": 0.0, "long": 20.0, "tmux": 15.0, "deferrable": 1.0, "failing": 1.0, "unwanted": 600.0}
RETRIES = {"failing": 1, "unwanted": 0}


def ticks(pid):
    """Return when a process started, in clock ticks since boot; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Entry(BaseOperator):
    """Runs for some seconds between two lines of the ledger."""

    def __init__(self, *, seconds, fails, defers, **kwargs):
        super().__init__(**kwargs)
        self.seconds = seconds
        self.fails = fails
        self.defers = defers

    def execute(self, context):
        self.write("start", context)
        end = time.monotonic() + self.seconds
        lines = 0
        while time.monotonic() < end:
            time.sleep(min(0.2, self.seconds))
            print(f"line {lines}", flush=True)
            lines += 1
        print(f"{lines} lines in all", flush=True)
        if self.fails:
            self.write("end", context)
            raise RuntimeError("as it should")
        if self.defers:
            self.write("end", context)
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2)), method_name="resume")
        self.write("end", context)

    def resume(self, context, event=None):
        self.write("start", context)
        self.write("end", context)

    def write(self, event, context):
        ti = context["ti"]
        file = Path(os.environ["CHAOS_LEDGER"])
        me = {
            "run": ti.run_id,
            "task": ti.dag_id,
            "try": ti.try_number,
            "pid": os.getpid(),
            "ticks": ticks(os.getpid()),
        }
        lines = [json.loads(line) for line in file.read_text().splitlines()] if event == "start" else []
        mine = [line for line in lines if line["run"] == me["run"] and line["task"] == me["task"]]
        ended = {(line["pid"], line["ticks"]) for line in mine if line["event"] == "end"}
        beside = [
            line for line in mine if (line["pid"], line["ticks"]) not in ended and ticks(line["pid"]) == line["ticks"]
        ]
        entry = {
            "event": event,
            **me,
            "agent": os.environ["EDGE_AGENT_NAME"],
            "at": time.time(),
            "beside": [line["try"] for line in beside],
        }
        with file.open("a") as ledger:
            ledger.write(json.dumps(entry) + "\n")


def make(kind):
    """Make the Dag of one kind of task."""

    @dag(dag_id=f"chaos_{kind}", schedule=None)
    def chaos():
        Entry(
            task_id="entry",
            seconds=SECONDS[kind],
            fails=kind == "failing",
            defers=kind == "deferrable",
            executor="EdgeAgentExecutor",
            queue="chaos",
            retries=RETRIES.get(kind, 30),
            retry_delay=timedelta(seconds=0),
            executor_config={"edge_agent": {"runner": "tmux" if kind == "tmux" else "local"}},
        )

    return chaos()


for each in SECONDS:
    make(each)
