"""Several commands as RemSvc has them, and a task that reads their results; the import and the connection are others.

Needs a connection ``remsvc_default`` whose submit token allows the queue ``onprem``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_plugin.operators.remsvc import RemSvcOperator

with DAG(
    dag_id="example_remsvc",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    tags=["example", "edge_agent"],
):
    run = RemSvcOperator(
        task_id="run_commands",
        grpc_conn_id="remsvc_default",
        queue="onprem",
        commands=[
            {"cmd": "echo run {{ run_id }}", "cmdtyp": 0, "src": "example"},
            {"cmd": "uname -a", "cmdtyp": 0, "src": "example"},
        ],
        stream_timeout=300,
    )

    @task
    def read(result: dict[str, Any]) -> list[str]:
        return [each["out"].strip() for each in result["results"]]

    read(run.output)
