"""Runs commands on hosts that need no Airflow, and holds no worker while they run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferralError, TaskDeferralTimeout

from airflow_plugin.commands import lineage, results, scripts
from airflow_plugin.commands.course import Course, Ended, Entry, Order
from airflow_plugin.commands.following import Follower
from airflow_plugin.commands.keys import TaskTry
from airflow_plugin.commands.outcome import Rules, codes
from airflow_plugin.commands.output import OUTPUT_LIMIT, OutputForm
from airflow_plugin.commands.questions import ask
from airflow_plugin.commands.specification import CommandLine, Seconds, UnclearCommand, Written, specified
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from airflow_plugin.links import EdgeAgentJobsLink
from airflow_plugin.triggers.edge_agent_commands import EdgeAgentCommandsTrigger

DEFAULT_QUEUE = conf.get_mandatory_value("operators", "default_queue")
SHORT_SECONDS = 3.0
"""How long a worker watches before it hands over to the triggerer. To go on after that costs another process, which
takes as long to start."""

JOBS_KEY = "edge_agent_jobs"
"""The XCom with the ids of the task's commands, there as soon as they are submitted."""

KILL_SECONDS = 4.0
"""How long a worker that is told to stop asks for the end of the commands; the queue ends them anyway."""


class EdgeAgentCommandOperator(scripts.Scripted, BaseOperator):
    """Runs one command, or several, on the hosts of agents.

    Log lines come as they are written, and the task ends as its commands do. When Airflow ends the task (marked,
    cleared, timed out, its Dag run stopped), they are ended on their hosts with all they started. A try that is sent
    twice runs once; the next try first ends what is left of the one before.

    :param command: a text, which a shell reads, or a list of words, which are run as they are. The name of a
        ``.sh``, ``.bash`` or ``.ps1`` file beside the Dag stands for its content. (templated)
    :param commands: several instead of one: each a command, or a mapping with ``command``, ``id`` (default: its
        number) and what it has of its own of the parameters from ``queue`` to ``lost_wait``. (templated)
    :param edge_agent_conn_id: the connection of type ``edge_agent``. (templated)
    :param queue: the queue of the agents, not Airflow's; None is the connection's, else the first that its token
        allows and the agent serves. (templated)
    :param agent: the name, hostname or address of the one agent to run it; None is any of the queue. (templated)
    :param requires: capabilities that an agent must have, such as ``{"os": "linux"}``. (templated)
    :param run_as_user: the user of the host to run as; None leaves that to the host. (templated)
    :param env: environment variables beside those of the host's policy. (templated)
    :param cwd: the directory to run in. (templated)
    :param shell: ``sh``, ``bash`` or ``pwsh``; ``none`` splits a text into words that no shell reads. None is the
        script's own, else ``sh``.
    :param streams: ``together`` keeps the order of all that is written; ``apart`` tells standard output from
        standard error, which ``output`` is then without.
    :param runner: ``local``, ``tmux``, or ``default``: as the agent is set.
    :param slots: how many of the agent's slots it takes.
    :param timeout: how long it may run on the host, in seconds; None is as long as the host's policy allows.
    :param queue_timeout: how long it may wait for an agent, in seconds; None is as the server is set.
    :param on_agent_lost: ``fail``, or ``wait`` for the agent to come back with it.
    :param lost_wait: how long to wait for a lost agent, in seconds; None is as long as the server allows.
    :param order: ``sequential`` or ``parallel``.
    :param stop_at_first_failure: those that follow a failure do not run, and those beside it are ended.
    :param success_exit_codes: what is taken for success.
    :param skip_on_exit_code: what makes the task skipped.
    :param output: what ``return_value`` has of the standard output: ``last_line``, ``all``, ``json`` or ``none``.
        With ``commands`` it is a list of ``{"id", "job_id", "state", "exit_code", "output"}``.
    :param output_limit: bytes of output that ``return_value`` holds; of what is larger it says where it is.
    :param wait: False returns the job's id (a list of them with ``commands``) as soon as it is submitted, and the
        command goes on whatever becomes of the task.
    :param deferrable: wait in the triggerer instead of on a worker. Default: ``[operators] default_deferrable``.
    :param worker_queue: Airflow's queue of the task itself; None is Airflow's default.
    :param agent_queue: another name of ``queue``, for mapped TaskFlow tasks, whose ``queue`` Airflow takes for its own.
    :param host_user: another name of ``run_as_user``, for the same.
    :raises AirflowFailException: when it is refused, so that another try would change nothing.
    """

    template_fields: Sequence[str] = (
        "command",
        "commands",
        "edge_agent_conn_id",
        "agent_queue",
        "agent",
        "requires",
        "host_user",
        "env",
        "cwd",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "command": "bash",
        "commands": "json",
        "env": "json",
        "requires": "json",
    }
    template_ext: Sequence[str] = ()  # `scripts` reads files: a command that ends in ".sh" need not be one.
    operator_extra_links = (EdgeAgentJobsLink(),)
    ui_color = "#e4f0ea"
    _course: Course | None = None
    _context: Any = None

    def __init__(
        self,
        *,
        command: CommandLine | None = None,
        commands: Sequence[Written] | None = None,
        edge_agent_conn_id: str = EdgeAgentHook.default_conn_name,
        queue: str | None = None,
        agent: str | None = None,
        requires: Mapping[str, Any] | None = None,
        run_as_user: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        shell: str | None = None,
        streams: str = "together",
        runner: str = "default",
        slots: int = 1,
        timeout: Seconds | None = None,
        queue_timeout: Seconds | None = None,
        on_agent_lost: str = "fail",
        lost_wait: Seconds | None = None,
        order: str = "sequential",
        stop_at_first_failure: bool = True,
        success_exit_codes: int | Collection[int] = 0,
        skip_on_exit_code: int | Collection[int] | None = None,
        output: str = "last_line",
        output_limit: int = OUTPUT_LIMIT,
        wait: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        worker_queue: str | None = None,
        agent_queue: str | None = None,
        host_user: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(queue=worker_queue or DEFAULT_QUEUE, **kwargs)
        self.command = command
        self.commands = scripts.with_shells(commands)
        self.edge_agent_conn_id = edge_agent_conn_id
        self.agent_queue = agent_queue or self._of_agents(queue)
        self.agent, self.requires = agent, requires
        self.host_user = host_user or run_as_user
        self.env, self.cwd = env, cwd
        self.shell = shell or scripts.shell_of(command)
        self.streams, self.runner, self.slots = streams, runner, slots
        self.timeout, self.queue_timeout = timeout, queue_timeout
        self.on_agent_lost, self.lost_wait = on_agent_lost, lost_wait
        self.order = Order(order)
        self.stop_at_first_failure = stop_at_first_failure
        self._rules = Rules(success=codes(success_exit_codes), skip=codes(skip_on_exit_code))
        self.output_form, self.output_limit = OutputForm(output), output_limit
        self.wait, self.deferrable = wait, deferrable

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Begin a mapped task. What the agents' queue and the host's user are called is Airflow's own word there."""
        for ours, theirs in (("agent_queue", "queue"), ("host_user", "run_as_user"), ("queue", "worker_queue")):
            if (value := kwargs.pop(theirs, None)) is not None:
                kwargs[ours] = value
        return super().partial(**{"queue": DEFAULT_QUEUE} | kwargs)

    # -- to be overridden by operators of another shape

    def written(self) -> Sequence[Written]:
        """Return the commands as they are written, once templates are rendered."""
        if (self.command is None) == (self.commands is None):
            msg = "give either 'command', or 'commands' with several"
            raise UnclearCommand(msg)
        return self.commands if self.command is None and self.commands is not None else [self.command or ""]

    def result(self, context: Any, ended: Sequence[Ended]) -> Any:
        """Return what becomes ``return_value``.

        :param ended: every command in the order it is written, also one that did not run.
        """
        read = results.Results(self.hook(), self.output_form, self.output_limit)
        if self._course is not None and self._course.is_list:
            return [read.entry(each) for each in ended]
        return None if ended[0].view is None else read.value(ended[0].view)

    def judge(self, context: Any, ended: Sequence[Ended]) -> None:
        """Raise what the ends of the commands come to, if that is not success."""
        results.judge(self.hook(), self._rules, ended)

    def execute(self, context: Any) -> Any:
        """Run the commands; defer when they take longer than a moment and the task is deferrable."""
        try:
            submits = [each.submit for each in specified(self.written(), self._common())]
        except UnclearCommand as error:
            raise AirflowFailException(str(error)) from None
        task_try = TaskTry.of(context)
        own = [task_try.own(each, ends_with_it=self.wait) for each in submits]
        is_list, stops = self.commands is not None, self.stop_at_first_failure
        course = Course.of(own, self.order, stops=stops, rules=self._rules, is_list=is_list)
        return self._go_on(context, course) if self.wait else self._leave(context, course)

    def execute_complete(self, context: Any, event: Mapping[str, Any]) -> Any:
        """Go on where the triggerer was."""
        course = Course.model_validate(event["course"])
        if event.get("error"):
            results.end(self._brief_hook(), course.job_ids, "Its task failed.")
            raise AirflowException(event["error"])
        return self._go_on(context, course)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Resume; when the deferral timed out or its trigger failed, end the commands first."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout):
            ti = context["ti"]
            found = ti.xcom_pull(task_ids=self.task_id, key=JOBS_KEY, map_indexes=ti.map_index)
            jobs = [UUID(each) for each in found or ()]
            results.end(self._brief_hook(), jobs, "Its task waited for longer than it may.")
            raise

    def on_kill(self) -> None:
        """End the commands: Airflow ends the task while a worker has it. Called within a signal handler."""
        if self._course is not None and self.wait:
            jobs = [each.job_id for each in self._course.submitted if each.is_open and each.job_id is not None]
            results.end(self._brief_hook(), jobs, "Airflow ended the task.")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what OpenLineage is told."""
        return lineage.facets(self.written(), self.shell)

    def lines(self, entry: Entry, lines: list[str]) -> None:
        """Log lines of a command."""
        assert self._course is not None  # noqa: S101  there is a command of it
        for line in lines:
            self.log.info("%s", self._course.prefixed(entry, line))

    def waits(self, entry: Entry, why: str) -> None:
        """Say why a command does not begin yet."""
        self.log.info("Not submitted yet: %s", why)

    def submitted(self, course: Course) -> None:
        """Make the ids of the commands known while they run."""
        new = course.submitted[-1]
        self.log.info("Command %s is the job %s in the queue.", new.name, new.job_id)
        self._context["ti"].xcom_push(key=JOBS_KEY, value=results.ids(course.job_ids))
        EdgeAgentJobsLink().persist(self._context)

    def hook(self) -> EdgeAgentHook:
        """Return the way to the queue."""
        return EdgeAgentHook(self.edge_agent_conn_id)

    def _go_on(self, context: Any, course: Course) -> Any:
        self._course, self._context = course, context
        known = len(course.submitted)
        ask(Follower(course, self, seconds=SHORT_SECONDS if self.deferrable else None).follow(), self.hook())
        if not course.is_over:
            trigger = EdgeAgentCommandsTrigger(self.edge_agent_conn_id, course.model_dump(mode="json"))
            self.defer(trigger=trigger, method_name="execute_complete", timeout=self.execution_timeout)
        if known:
            context["ti"].xcom_push(key=JOBS_KEY, value=results.ids(course.job_ids))
        ended = course.ended(results.views(self.hook(), course.job_ids))
        value = self.result(context, ended)
        try:
            self.judge(context, ended)
        except AirflowException:
            if value is not None and self.do_xcom_push:
                context["ti"].xcom_push(key="return_value", value=value)
            raise
        for asset in (each for each in self.outlets if isinstance(each, Asset)):
            context["outlet_events"][asset].extra["edge_agent"] = results.facts(ended)
        return value

    def _leave(self, context: Any, course: Course) -> Any:
        """Submit and go. Nobody is there to submit a second one when the first has ended."""
        if len(course.entries) > 1 and self.order is Order.SEQUENTIAL:
            msg = "wait=False submits all commands at once: say order='parallel', or make them one command"
            raise AirflowFailException(msg)
        self._course, self._context = course, context
        ask(Follower(course, self, seconds=None).submit(), self.hook())
        job_ids = results.ids(course.job_ids)
        return job_ids if course.is_list else job_ids[0]

    def _brief_hook(self) -> EdgeAgentHook:
        """Return a hook of its own that does not try for long."""
        return EdgeAgentHook(self.edge_agent_conn_id, outage_seconds=KILL_SECONDS)

    def _common(self) -> dict[str, Any]:
        names = "agent cwd env lost_wait on_agent_lost queue_timeout requires runner shell slots streams timeout"
        common = {name: getattr(self, name) for name in names.split()}
        return common | {"queue": self.agent_queue, "run_as_user": self.host_user}

    def _of_agents(self, queue: str | None) -> str | None:
        """Return the agents' queue; what a mapped task has as ``queue`` is Airflow's own (:meth:`partial`)."""
        is_airflows = getattr(self, "_BaseOperator__from_mapped", False) and queue == DEFAULT_QUEUE
        return None if is_airflows else queue
