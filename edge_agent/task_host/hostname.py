"""What Airflow calls the host of a task: the agent's name, unique on the site and cheap to know."""

from __future__ import annotations

import os

from edge_agent.task_host.environment import AGENT_NAME


def agent_name() -> str:
    """Return the agent's name. Airflow calls this through ``[core] hostname_callable``.

    :raises KeyError: outside a task of an agent, where there is no such name.
    """
    return os.environ[AGENT_NAME]
