"""One task that runs until a test lets it go, and writes into a ledger who started and ended it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator


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


@dag(dag_id="nightly_orders", schedule=None, params={"agent": "nobody", "folder": "/nowhere"})
def nightly_orders():
    """Have a host that knows no Airflow dump the orders, and copy them once somebody lets it."""
    gate = "until [ -e {{ params.folder }}/release ]; do sleep 0.1; done"
    EdgeAgentCommandOperator(
        task_id="export",
        executor="EdgeAgentExecutor",
        worker_queue="halls",
        agent="{{ params.agent }}",
        commands=[
            {"id": "dump", "command": "echo dumped 7 orders", "label": "Dump the orders"},
            {"id": "copy", "command": f"echo copies them; {gate}", "label": "Copy the dump off site"},
        ],
        deferrable=False,
    )


nightly_orders()


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
