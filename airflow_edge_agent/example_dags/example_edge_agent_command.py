"""Commands on a host that has no Airflow: one, several, one made by Python, and what comes of their output.

Needs a connection ``edge_agent_default`` whose submit token allows the queue ``onprem``, and a host that serves it
and lets any command run (``allow = "shell"`` in its policy).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator

with DAG(
    dag_id="example_edge_agent_command",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    dagrun_timeout=timedelta(hours=1),
    tags=["example", "edge_agent"],
):
    disk = EdgeAgentCommandOperator(
        task_id="free_space",
        queue="onprem",
        requires={"os": "linux"},
        command=["df", "-P", "/"],
        timeout=60,
    )

    checks = EdgeAgentCommandOperator(
        task_id="checks",
        queue="onprem",
        commands=[
            {"id": "kernel", "command": "uname -sr"},
            {"id": "day", "command": 'echo "the day is $DAY"', "env": {"DAY": "{{ run_id }}"}},
        ],
    )

    facts = EdgeAgentCommandOperator(
        task_id="facts",
        queue="onprem",
        command="""printf '{"cpus": %s, "user": "%s"}' "$(nproc)" "$(id -un)" """,
        output="json",
    )

    @task.edge_agent_command(queue="onprem")
    def greet(host: dict[str, Any]) -> str:
        return f"echo 'a good day to {host['user']} and {host['cpus']} processors'"

    disk >> checks >> facts
    greet(facts.output)
