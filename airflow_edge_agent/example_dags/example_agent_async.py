"""A command of some minutes by the name it has with the Airflow Root Agent; only the import is another.

Needs a connection ``agent_default`` and a host whose agent is named ``db-07`` (or has that host name).
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_plugin.operators.agent_async import AgentAsyncOperator

with DAG(
    dag_id="example_agent_async",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    tags=["example", "edge_agent"],
):
    AgentAsyncOperator(
        task_id="short_job",
        target_server="db-07:18443",
        command="sleep 10 && echo done",
        job_user=None,
        agent_conn_id="agent_default",
        timeout_seconds=900,
        poll_interval=15,
    )
