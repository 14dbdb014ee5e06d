"""What the operators that are named after the Airflow Root Agent's have in common: its words for a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_plugin.commands.course import Ended
from airflow_plugin.commands.kept_output import kept
from airflow_plugin.commands.remsvc import return_code
from airflow_plugin.commands.specification import CommandLine, Seconds, Written
from airflow_plugin.commands.target_server import agent_of
from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator
from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView


class RootAgentOperator(EdgeAgentCommandOperator):
    """Runs a command on one host and returns ``{"job_id", "status", "return_code", "stdout", "stderr"}``.

    ``target_server``: an agent by its name, host name or address; a scheme and a port do not count. ``job_user``: the
    user of the host it runs as, None for whom the host's policy names. ``timeout_seconds``: how long it may run before
    it is ended on the host; None: as long as the Root Agent waits by default. ``poll_interval``: accepted; nothing is
    polled. Whatever :class:`EdgeAgentCommandOperator` takes may stand beside them.
    """

    template_fields: Sequence[str] = (*EdgeAgentCommandOperator.template_fields, "target_server", "job_user")
    command_shell: ClassVar[str] = "sh"
    """What the Root Agent reads such a command with."""
    default_seconds: ClassVar[float] = 3600
    """How long the Root Agent waits for one, unless it is told otherwise."""

    def __init__(
        self,
        *,
        target_server: str,
        command: CommandLine,
        job_user: str | None = None,
        agent_conn_id: str = "agent_default",
        timeout_seconds: Seconds | None = None,
        poll_interval: Seconds | None = None,
        **kwargs: Any,
    ) -> None:
        limit = self.default_seconds if timeout_seconds is None else timeout_seconds
        mine: dict[str, Any] = {"streams": "apart", "timeout": limit}
        super().__init__(command=command, edge_agent_conn_id=agent_conn_id, **(mine | kwargs))
        self.target_server = target_server
        self.job_user = job_user
        self.agent_conn_id = agent_conn_id
        self.timeout_seconds = limit
        self.poll_interval = poll_interval

    def written(self) -> Sequence[Written]:
        """Return the command with its agent, user and shell, once they are rendered."""
        (command,) = super().written()
        shell = self.shell or (self.command_shell if isinstance(command, str) else None)
        place = {"agent": agent_of(self.target_server), "run_as_user": self.job_user}
        return [{"command": command, "shell": shell, **place}]

    def result(self, context: Any, ended: Sequence[Ended]) -> dict[str, Any] | None:
        """Return what the Root Agent answers of a job that has ended."""
        (view,) = (each.view for each in ended)
        if view is None:
            return None
        ((out, err),) = kept(self.hook(), [view.id], self.output_limit)
        return {
            "job_id": str(view.id),
            "status": _status(view),
            "return_code": return_code(view),
            "stdout": out,
            "stderr": err,
        }


def _status(view: CommandView) -> str:
    if view.state is JobState.CANCELLED:
        return "cancelled"
    return "finished" if view.reason in {EndReason.EXIT, EndReason.SIGNAL} else "failed"
