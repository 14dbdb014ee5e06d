"""Commands by the names their users know: with the Root Agent, and with RemSvc."""

from __future__ import annotations

from airflow.sdk import dag

from airflow_plugin.operators.agent_sync import AgentSyncOperator
from airflow_plugin.operators.agent_tmux import AgentTmuxOperator
from airflow_plugin.operators.remsvc import RemSvcOperator
from airflow_plugin.sensors.agent_status import AgentStatusSensor

HOST = {"target_server": "https://db-07:18443", "agent_conn_id": "agent_default"}
LARGE = "head -c 262000 /dev/zero | tr '\\0' x"


@dag(schedule=None)
def named_commands():
    """Answer in the shapes of the Root Agent and RemSvc."""
    AgentSyncOperator(task_id="both_streams", command="echo out; echo err >&2; sleep 2; echo end", **HOST)

    start = AgentTmuxOperator(task_id="start", command="sleep 3; echo done", **HOST)
    AgentStatusSensor(
        task_id="poked",
        job_id="{{ ti.xcom_pull('start')['job_id'] }}",
        poke_interval=1,
        timeout=120,
        **HOST,
    ).set_upstream(start)
    RemSvcOperator(
        task_id="twelve",
        queue="examples",
        commands=[{"cmd": f"echo {number} of {{{{ run_id }}}}; echo e{number} >&2"} for number in range(1, 13)],
    )
    RemSvcOperator(task_id="large", queue="examples", commands=[{"cmd": LARGE}] * 24)
    RemSvcOperator(
        task_id="handled",
        queue="examples",
        commands=[{"cmd": "printf one"}, {"cmd": "printf two"}],
        result_handler=lambda found: {tid: each["out"] for tid, each in found.items()},
    )


@dag(schedule=None)
def named_failures():
    """Fail as their users must be able to see."""
    RemSvcOperator(
        task_id="one_fails",
        queue="examples",
        commands=[{"cmd": "echo first"}, {"cmd": "echo the reason; echo why >&2; exit 3"}, {"cmd": "echo third"}],
    )
    RemSvcOperator(
        task_id="too_long",
        queue="examples",
        commands=[{"cmd": "echo begun; sleep 600"}, {"cmd": "echo never"}],
        stream_timeout=20,
    )
    AgentSyncOperator(task_id="exits", command="echo the reason; exit 7", **HOST)
    AgentSyncOperator(task_id="ends", command="echo begun; sleep 600", timeout_seconds=3, **HOST)
    AgentStatusSensor(task_id="unknown", job_id="00000000-0000-4000-8000-000000000000", poke_interval=1, **HOST)
    start = AgentTmuxOperator(task_id="start", command="exit 5", **HOST)
    AgentStatusSensor(
        task_id="hears_it",
        job_id="{{ ti.xcom_pull('start')['job_id'] }}",
        mode="reschedule",
        poke_interval=10,
        timeout=120,
        **HOST,
    ).set_upstream(start)


named_commands()
named_failures()
