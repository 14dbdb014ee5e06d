"""One task that runs until a test lets it go, and writes into a ledger who started and ended it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task


def ledger(folder, event):
    """Append one line."""
    line = f"{event} 0 {os.environ.get('EDGE_AGENT_NAME')} {os.getpid()}\n"
    with Path(folder, "ledger").open("a", encoding="utf-8") as file:
        file.write(line)


@dag(dag_id="meter_readings", schedule=None, params={"folder": "/nowhere"})
def meter_readings():
    """Read the meters of a hall for as long as it takes."""

    @task(queue="halls", executor="EdgeAgentExecutor", retries=1, retry_delay=timedelta(seconds=0))
    def read_hall_3(params=None):
        folder = Path(params["folder"])
        ledger(folder, "start")
        print("Reading the meters of hall 3.", flush=True)
        while not (folder / "release").exists():
            time.sleep(0.1)
        ledger(folder, "end")

    read_hall_3()


meter_readings()


OTHERS = {"orders": ("dump", "check", "compact", "copy_offsite"), "quality_report": ("features", "train", "render")}


def nothing():
    """Do nothing."""


def make(name, steps):
    """Make a Dag of which only the names matter."""

    @dag(dag_id=name, schedule=None)
    def named():
        for step in steps:
            task(task_id=step, queue="nobodys", executor="EdgeAgentExecutor")(nothing)()

    named()


for name, steps in OTHERS.items():
    make(name, steps)
