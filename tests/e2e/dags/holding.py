"""Tasks that run until a test lets them go, and keep a ledger of who started and ended where.

One Dag for each queue that a test wants for itself.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

QUEUES = [
    "steady",
    "crash",
    "outage",
    "adoption",
    "user",
    "crowd",
    "clock",
    "idle",
    "nobody",
    "demanding",
    "patient",
    "restart",
    "rolling",
    "stolen",
    "neighbour",
    "taken",
    "upgrade",
]
AGENT = {"executor": "EdgeAgentExecutor", "retries": 1, "retry_delay": timedelta(seconds=0)}
ASKED = {
    "nobody": {"queue_timeout": 4},
    "demanding": {"requires": {"gpu": True}, "queue_timeout": 60},
    "patient": {"on_agent_lost": "wait", "wait_seconds": 600},
}


def ledger(folder, event):
    """Append one line, whole, however many processes write."""
    line = f"{event} {os.environ.get('EDGE_AGENT_NAME')} {os.getpid()}\n"
    with Path(folder, "ledger").open("a", encoding="utf-8") as file:
        file.write(line)


def make(queue):
    """Make the Dag of one queue."""
    config = {"edge_agent": ASKED.get(queue, {})}

    @dag(dag_id=f"hold_{queue}", schedule=None, params={"folder": "/nowhere", "count": 1})
    def hold():
        @task(queue=queue, executor_config=config, **AGENT)
        def numbers(params=None):
            return list(range(params["count"]))

        @task(queue=queue, executor_config=config, **AGENT)
        def hold(number, params=None):
            folder = Path(params["folder"])
            ledger(folder, f"start {number}")
            print(f"holding {number}", flush=True)
            while not (folder / "release").exists():
                time.sleep(0.1)
            ledger(folder, f"end {number}")
            return number

        hold.expand(number=numbers()) if queue in ("crowd", "rolling") else hold(0)

    return hold()


for name in QUEUES:
    make(name)

LONG = "x" * 250


@dag(dag_id="d" * 250, schedule=None)
def long_ids():
    """Ids as long as Airflow allows."""

    @task(task_id="t" * 250, executor="EdgeAgentExecutor", queue="onprem")
    def long():
        return "ran"

    long()


long_ids()
