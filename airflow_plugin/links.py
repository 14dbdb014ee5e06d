"""Buttons on a task's page that lead to its commands on the page "Edge Agents".

An address is worked out in the task's own process and kept as an XCom, which is what Airflow shows later. It is
relative to the address of Airflow's pages: a host that runs tasks need not know under which name people open them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

NAME = "Edge Agent"
PAGE = "plugin/edge-agents"
"""Where Airflow shows the page, below the address of its pages."""


class EdgeAgentJobsLink(BaseOperatorLink):
    """Leads to the commands of a task instance, of all its tries."""

    name = NAME

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the page with the jobs narrowed down to this task instance."""
        mapped = {"map_index": ti_key.map_index} if ti_key.map_index >= 0 else {}
        of_task = {"dag_id": ti_key.dag_id, "run_id": ti_key.run_id, "task_id": ti_key.task_id}
        return _jobs(kind="command", **of_task, **mapped)

    def persist(self, context: Context) -> None:
        """Make the button appear now. Without this it does once the worker lets go of the task."""
        ti: Any = context["ti"]
        ti.xcom_push(key=self.xcom_key, value=self.get_link(ti.task, ti_key=ti))


class EdgeAgentJobLink(BaseOperatorLink):
    """Leads to the one job that an operator names as its ``job_id``, as the sensor does."""

    name = NAME

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the page with that job opened; nothing when the operator names none, or several."""
        named = getattr(operator, "job_id", None) or []
        ids = [named] if isinstance(named, str) else named
        return _jobs(job=ids[0]) if len(ids) == 1 else ""


def _jobs(**narrowed: object) -> str:
    return f"{PAGE}?{urlencode({'tab': 'jobs', **narrowed})}"
