"""A short command, by the name it has with the Airflow Root Agent."""

from __future__ import annotations

from airflow_plugin.operators.root_agent import RootAgentOperator


class AgentSyncOperator(RootAgentOperator):
    """Runs a short command on one host and returns its exit code and output: :class:`RootAgentOperator`.

    The Root Agent holds the worker meanwhile, and gives up after 30 seconds whatever ``timeout_seconds`` says. This
    holds it where ``deferrable`` is off, and waits for as long as ``timeout_seconds`` says, by default an hour.
    """

    default_seconds = 3600
