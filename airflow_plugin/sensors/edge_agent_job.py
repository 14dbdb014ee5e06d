"""Waits for commands that somebody else started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from airflow.sdk import BaseSensorOperator
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from airflow_plugin.commands import results
from airflow_plugin.commands.course import Course, Entry, Order
from airflow_plugin.commands.following import Follower
from airflow_plugin.commands.outcome import CommandFailed, Rules, codes
from airflow_plugin.commands.output import OUTPUT_LIMIT, OutputForm
from airflow_plugin.commands.questions import ask
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from airflow_plugin.links import EdgeAgentJobLink
from airflow_plugin.triggers.edge_agent_commands import EdgeAgentCommandsTrigger
from edge_agent.protocol.commands import Seen

SHORTEST_RESCHEDULE_SECONDS = 10.0
"""Airflow starts a process for each look; looking more often than this costs more than it tells."""


class EdgeAgentJobSensor(BaseSensorOperator):
    """Waits until a command has ended, and is as successful as that.

    It shows the command's log from where it was last read, so that every line stands in one of its attempts. It does
    not end the command, whatever becomes of the task.

    :param job_id: the id that ``EdgeAgentCommandOperator(wait=False)`` returned, or a list of them. (templated)
    :param edge_agent_conn_id: the connection; its token must be the one the command was submitted with. (templated)
    :param success_exit_codes: what is taken for success.
    :param skip_on_exit_code: what makes the task skipped.
    :param output: what ``return_value`` has of the standard output: ``last_line``, ``all``, ``json`` or ``none``.
    :param output_limit: bytes of output that ``return_value`` holds; of what is larger it says where it is.
    :param deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``. Else ``mode`` says how:
        ``poke`` holds a worker, ``reschedule`` looks every ``poke_interval``, at least 10 s.
    :raises AirflowFailException: when the command failed: looking again would change nothing.
    """

    template_fields: Sequence[str] = ("job_id", "edge_agent_conn_id")
    operator_extra_links = (EdgeAgentJobLink(),)
    ui_color = "#e4f0ea"

    def __init__(
        self,
        *,
        job_id: str | Sequence[str],
        edge_agent_conn_id: str = EdgeAgentHook.default_conn_name,
        success_exit_codes: int | Sequence[int] = 0,
        skip_on_exit_code: int | Sequence[int] | None = None,
        output: str = "last_line",
        output_limit: int = OUTPUT_LIMIT,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float | timedelta = SHORTEST_RESCHEDULE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        if self.reschedule:
            self.poke_interval = max(self.poke_interval, SHORTEST_RESCHEDULE_SECONDS)
        self.job_id = job_id
        self.edge_agent_conn_id = edge_agent_conn_id
        self.success_exit_codes = success_exit_codes
        self.skip_on_exit_code = skip_on_exit_code
        self.output_form = OutputForm(output)
        self.output_limit = output_limit
        self.deferrable = deferrable
        self._course: Course | None = None

    def execute(self, context: Any) -> Any:
        """Look; defer where that is wanted and the command has not ended."""
        if not self.deferrable:
            return super().execute(context)
        return self._go_on(self._followed())

    def poke(self, context: Any) -> PokeReturnValue:
        """Look once: show what is new of the log, and say whether the command has ended."""
        course = self._course = self._course or self._followed()
        self._follow(course, 0.0)
        if not course.is_over:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._value(course))

    def execute_complete(self, context: Any, event: Mapping[str, Any]) -> Any:
        """Go on where the triggerer was."""
        if event.get("error"):
            raise AirflowException(event["error"])
        return self._go_on(Course.model_validate(event["course"]))

    def lines(self, entry: Entry, lines: list[str]) -> None:
        """Log lines of a command."""
        assert self._course is not None  # noqa: S101  there is a command of it
        for line in lines:
            self.log.info("%s", self._course.prefixed(entry, line))

    def waits(self, entry: Entry, why: str) -> None:
        """Never: a sensor submits nothing."""

    def submitted(self, course: Course) -> None:
        """Never: a sensor submits nothing."""

    def _go_on(self, course: Course) -> Any:
        self._course = course
        self._follow(course, 0.0)
        if not course.is_over:
            dumped = course.model_dump(mode="json")
            trigger = EdgeAgentCommandsTrigger(self.edge_agent_conn_id, dumped, ends_with_task=False)
            self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))
        return self._value(course)

    def _follow(self, course: Course, seconds: float) -> None:
        """Show what is new, and tell the queue up to where it was shown: the next attempt goes on there."""
        hook = EdgeAgentHook(self.edge_agent_conn_id)
        ask(Follower(course, self, seconds=None if course.is_over else seconds).follow(), hook)
        seen = [Seen(id=each.job_id, read_offset=each.offset) for each in course.submitted if each.job_id]
        hook.wait(seen, 0)

    def _followed(self) -> Course:
        written = [self.job_id] if isinstance(self.job_id, str | UUID) else [*self.job_id]
        try:
            entries = [Entry(name=str(number), job_id=UUID(str(each))) for number, each in enumerate(written, 1)]
        except ValueError:
            msg = f"job_id is {self.job_id!r}; it must be the id of a job, or a list of them"
            raise AirflowFailException(msg) from None
        if not entries:
            msg = "job_id names no job"
            raise AirflowFailException(msg)
        return Course(entries=entries, order=Order.PARALLEL, stops=False, rules=self._rules)

    def _value(self, course: Course) -> Any:
        hook = EdgeAgentHook(self.edge_agent_conn_id)
        ended = course.ended(results.views(hook, course.job_ids))
        try:
            results.judge(hook, self._rules, ended)
        except CommandFailed as failure:
            raise AirflowFailException(str(failure)) from None
        read = results.Results(hook, self.output_form, self.output_limit)
        values = [read.value(each.view) for each in ended if each.view is not None]
        return values[0] if isinstance(self.job_id, str) else values

    @property
    def _rules(self) -> Rules:
        return Rules(success=codes(self.success_exit_codes), skip=codes(self.skip_on_exit_code))
