"""The work of both hosts: a task with an XCom and a line of log, that goes on until it is let go.

For each queue that stands in ``place.json`` beside this file.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

PLACE = json.loads(Path(__file__).with_name("place.json").read_text(encoding="utf-8"))


def make(queue):
    """Make the Dag of a queue."""

    @dag(dag_id=f"work_{queue}", schedule=None, params={"folder": "/nowhere"})
    def work():
        @task(executor=PLACE["executor"], queue=queue, retries=3, retry_delay=timedelta(0))
        def work(params=None, ti=None):
            ti.xcom_push("found", f"the XCom of {queue}")
            print(f"the log of {queue}", flush=True)
            while not Path(params["folder"], "release").exists():
                time.sleep(0.2)

        work()

    work()


for name in PLACE["queues"]:
    make(name)
