"""A command of minutes, by the name it has with the Airflow Root Agent."""

from __future__ import annotations

from airflow_plugin.operators.root_agent import RootAgentOperator


class AgentAsyncOperator(RootAgentOperator):
    """Runs a command on one host and returns its exit code and output: :class:`RootAgentOperator`.

    ``timeout_seconds``: an hour by default. ``bash`` reads the command.
    """

    default_seconds = 3600
    command_shell = "bash"
