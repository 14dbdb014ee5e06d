"""Waits for a job that a task has left behind, by the name it has with the Airflow Root Agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_plugin.sensors.edge_agent_job import EdgeAgentJobSensor


class AgentStatusSensor(EdgeAgentJobSensor):
    """Waits until a job has ended, and fails when that did.

    ``job_id``: what :class:`~airflow_plugin.operators.agent_tmux.AgentTmuxOperator` returned. ``target_server``:
    accepted; the job is found wherever it runs. Whatever :class:`EdgeAgentJobSensor` takes may stand beside them, such
    as ``mode="reschedule"``, which holds no worker between two looks.
    """

    template_fields: Sequence[str] = (*EdgeAgentJobSensor.template_fields, "target_server")

    def __init__(
        self, *, job_id: str, target_server: str | None = None, agent_conn_id: str = "agent_default", **kwargs: Any
    ) -> None:
        super().__init__(job_id=job_id, edge_agent_conn_id=agent_conn_id, **kwargs)
        self.target_server = target_server
        self.agent_conn_id = agent_conn_id
