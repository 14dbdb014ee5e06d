"""What can go wrong between agent and task host."""

from __future__ import annotations

from edge_agent.errors import CannotStart


class TaskHostError(CannotStart):
    """This host cannot start Airflow tasks now. Nothing was started.

    The message is for the person who operates the host: what is wrong, and what to do.
    """
