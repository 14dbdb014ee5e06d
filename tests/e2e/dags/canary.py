"""A task that has a secret in hands until a test lets it go."""

from __future__ import annotations

import time
from pathlib import Path

from airflow.sdk import Connection, dag, task


@dag(dag_id="canary", schedule=None, params={"folder": "/nowhere"})
def canary():
    @task(queue="canary", executor="EdgeAgentExecutor")
    def uses(params=None):
        password = Connection.get("canary").password
        print(f"holding {len(password)} letters", flush=True)
        while not Path(params["folder"], "release").exists():
            time.sleep(0.1)

    uses()


canary()
