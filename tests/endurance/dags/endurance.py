"""Tasks that count: a line each second, from 0, whoever kills what around them; some defer in between.

One Dag for each runner. The ledger gets a line for each start and each end of a process.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag


class Counts(BaseOperator):
    """Counts ``before`` lines, defers for ``away`` seconds unless that is None, then counts ``after`` more."""

    def execute(self, context):
        params = context["params"]
        self.count(params, 0, params["before"])
        if params["away"] is not None:
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=params["away"])), method_name="resume")
        return params["before"]

    def resume(self, context, event=None):
        params = context["params"]
        self.count(params, params["before"], params["after"])
        return params["before"] + params["after"]

    def count(self, params, first, lines):
        self.note(params, "start")
        begin = time.monotonic()
        for number in range(lines):
            print(f"line {first + number}", flush=True)
            time.sleep(max(0.0, begin + number + 1 - time.monotonic()))
        self.note(params, "end")

    def note(self, params, event):
        with Path(params["folder"], "ledger").open("a") as ledger:
            ledger.write(f"{event} {params['name']} {os.environ['EDGE_AGENT_NAME']} {os.getpid()}\n")


def make(runner):
    """Make the Dag of one runner."""

    @dag(
        dag_id=f"endurance_{runner}",
        schedule=None,
        params={"folder": "/nowhere", "name": "nobody", "before": 1, "away": None, "after": 0},
    )
    def endurance():
        Counts(
            task_id="count",
            executor="EdgeAgentExecutor",
            queue="endurance",
            retries=1,
            retry_delay=timedelta(seconds=0),
            # Shorter than an outage: what comes into the queue in one is not to be given up after it.
            executor_config={"edge_agent": {"runner": runner, "queue_timeout": 60}},
        )

    return endurance()


for each in ("local", "tmux"):
    make(each)
