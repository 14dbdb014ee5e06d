"""A job of days in two tasks, by the names they have with the Airflow Root Agent; only the import is another.

The first task starts it in tmux and ends. The second looks for its end, and holds no worker between two looks.
Needs a connection ``agent_default`` and a host whose agent is named ``db-07`` (or has that host name), with tmux.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_plugin.operators.agent_tmux import AgentTmuxOperator
from airflow_plugin.sensors.agent_status import AgentStatusSensor

with DAG(
    dag_id="example_agent_tmux",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    tags=["example", "edge_agent"],
):
    start = AgentTmuxOperator(
        task_id="start_load",
        target_server="db-07:18443",
        command="echo loading && sleep 10 && echo loaded",
        job_user=None,  # A name here needs an agent of root whose policy lets commands run as that user.
        fire_and_forget=True,
        agent_conn_id="agent_default",
    )

    wait = AgentStatusSensor(
        task_id="wait_for_load",
        target_server="db-07:18443",
        job_id="{{ ti.xcom_pull('start_load')['job_id'] }}",
        agent_conn_id="agent_default",
        mode="reschedule",
        poke_interval=30,
        timeout=48 * 3600,
    )

    start >> wait
