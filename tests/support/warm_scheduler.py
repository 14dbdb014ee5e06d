"""Airflow's command line, with what tasks import imported before: the local executor forks them from its scheduler.

Else each of its tasks, and each that comes back from the triggerer, imports that for itself. Run as a program.
"""

from __future__ import annotations

import importlib

TASKS_IMPORT = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.providers.git.bundles.git",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow_plugin.operators.edge_agent_command",
    "airflow_plugin.operators.remsvc",
    "airflow_plugin.operators.root_agent",
    "airflow_plugin.sensors.edge_agent_job",
    "airflow_plugin.triggers.edge_agent_commands",
)


def main() -> None:
    """Import, then do as ``airflow`` does."""
    for name in TASKS_IMPORT:
        importlib.import_module(name)
    from airflow.__main__ import main as airflow

    airflow()


if __name__ == "__main__":
    main()
