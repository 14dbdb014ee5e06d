"""``@task.edge_agent_command``: a function that says which command is to run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, determine_kwargs, task_decorator_factory
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION
from airflow.sdk.definitions.context import context_merge
from airflow.sdk.exceptions import AirflowFailException

from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator


class _EdgeAgentCommandDecoratedOperator(DecoratedOperator, EdgeAgentCommandOperator):
    """Calls a function on the worker, and runs the command it returns on an agent's host.

    The function returns a text, which a shell reads; a list of words, which are run as they are; or a list of
    commands, at least one of which is a mapping or itself a list.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *EdgeAgentCommandOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **EdgeAgentCommandOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.edge_agent_command"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            command=SET_DURING_EXECUTION,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Ask the function for the command, render it, and run it."""
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        said = self.python_callable(*self.op_args, **kwargs)
        several = isinstance(said, list | tuple) and any(not isinstance(each, str) for each in said)
        if not isinstance(said, str | list | tuple) or not said:
            msg = (
                f"The function returned {type(said).__name__}; it must return a command: a text that is not empty, "
                "a list of words, or a list of commands."
            )
            raise AirflowFailException(msg)
        self.command, self.commands = (None, list(said)) if several else (said, None)
        self.render_template_fields(context)
        return EdgeAgentCommandOperator.execute(self, context)


def edge_agent_command_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Make a function a task that runs the command it returns.

    :param python_callable: the function.
    :param kwargs: parameters of :class:`~airflow_plugin.operators.edge_agent_command.EdgeAgentCommandOperator`.
    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=_EdgeAgentCommandDecoratedOperator, **kwargs
    )
