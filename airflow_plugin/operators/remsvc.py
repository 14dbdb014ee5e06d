"""Several commands and their results, by the name and in the shape they have with RemSvc."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_plugin.commands import remsvc
from airflow_plugin.commands.course import Ended
from airflow_plugin.commands.kept_output import kept
from airflow_plugin.commands.outcome import Verdict
from airflow_plugin.commands.remsvc import RemSvcCommand, ResultHandler
from airflow_plugin.commands.specification import Written
from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator
from edge_agent.protocol.commands import CommandView

RESULT_BYTES = 262_144
"""Most bytes of output that a result holds: what RemSvc's server keeps of a single stream."""


class RemSvcOperator(EdgeAgentCommandOperator):
    """Runs commands one after the other and returns ``{"state", "results", "error_msg"}``.

    ``commands``: a list of ``{"cmd", "cmdtyp", "cmdusr", "src"}``: a text, 0 for ``sh`` or 1 for ``pwsh``, a user of
    the host, and what the page calls it. One that fails does not stop the later ones. ``grpc_conn_id``: the
    connection. ``stream_timeout``: seconds for all of them together, by default 3600. ``result_handler``: gets ``{tid:
    result}`` in the order of the commands, and returns what stands under ``results``; without it that is a list.
    ``metadata``: must be empty. ``output_limit``: bytes of all outputs together, by default 262,144. Whatever
    :class:`EdgeAgentCommandOperator` takes may stand beside them.

    When a command fails the task does, and has the result in its XCom all the same.
    """

    def __init__(
        self,
        *,
        commands: Sequence[RemSvcCommand],
        grpc_conn_id: str = "remsvc_default",
        stream_timeout: float = 3600.0,
        metadata: Sequence[tuple[str, str]] | None = None,
        result_handler: ResultHandler | None = None,
        output_limit: int = RESULT_BYTES,
        **kwargs: Any,
    ) -> None:
        if metadata:
            msg = "'metadata' goes with gRPC calls, and there are none here: the token belongs in the connection"
            raise ValueError(msg)
        mine: dict[str, Any] = {"streams": "apart", "stop_at_first_failure": False, "output_limit": output_limit}
        if kwargs.get("execution_timeout") is None:  # a mapped task says it, if only that it has none
            kwargs["execution_timeout"] = timedelta(seconds=stream_timeout)
        super().__init__(commands=commands, edge_agent_conn_id=grpc_conn_id, **(mine | kwargs))
        self.grpc_conn_id = grpc_conn_id
        self.stream_timeout = stream_timeout
        self.metadata = list(metadata or ())
        self.result_handler = result_handler

    def written(self) -> Sequence[Written]:
        """Return the commands, once they are rendered."""
        return remsvc.translated(self.commands)

    def result(self, context: Any, ended: Sequence[Ended]) -> dict[str, Any]:
        """Return the result in RemSvc's shape."""
        ran = {each.name: each.view.id for each in ended if each.view is not None}
        texts = kept(self.hook(), list(ran.values()), self.output_limit)
        found = remsvc.results(self.commands, ended, dict(zip(ran, texts, strict=True)))
        state, error = remsvc.state_and_error(ended, self._is_success)
        is_handled = self.result_handler is not None and state == "SUCCESS"
        handler = self.result_handler if is_handled else None
        return {
            "state": state,
            "results": handler(found) if handler else list(found.values()),
            "error_msg": error,
        }

    def _is_success(self, view: CommandView) -> bool:
        return self._rules.verdict(view.state, view.reason, view.exit_code) is not Verdict.FAILURE
