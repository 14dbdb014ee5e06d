"""A job of days in tmux, by the name it has with the Airflow Root Agent."""

from __future__ import annotations

from typing import Any

from airflow_plugin.commands.specification import Seconds
from airflow_plugin.operators.root_agent import RootAgentOperator


class AgentTmuxOperator(RootAgentOperator):
    """Runs a command in tmux on one host: :class:`RootAgentOperator`.

    ``fire_and_forget`` (the default): the task ends once the command is queued, and returns ``{"job_id", "status":
    "submitted"}`` for an :class:`~airflow_plugin.sensors.agent_status.AgentStatusSensor`; the command may then run for
    as long as the host's policy lets it. Else the task waits, for at most ``timeout_seconds``, a day by default.
    ``bash`` reads the command.
    """

    default_seconds = 86_400
    command_shell = "bash"

    def __init__(self, *, fire_and_forget: bool = True, timeout_seconds: Seconds | None = None, **kwargs: Any) -> None:
        mine: dict[str, Any] = {"runner": "tmux", "wait": not fire_and_forget}
        # The Root Agent's limit is one of waiting. What nobody waits for, it never ends: jobs of days rely on it.
        limit = {"timeout": kwargs.pop("timeout", None)} if fire_and_forget else {}
        super().__init__(timeout_seconds=timeout_seconds, **(mine | limit | kwargs))
        self.fire_and_forget = fire_and_forget

    def execute(self, context: Any) -> Any:
        """Run it, and return its result, or where nobody waits the job that was queued."""
        returned = super().execute(context)
        return {"job_id": returned, "status": "submitted"} if self.fire_and_forget else returned
