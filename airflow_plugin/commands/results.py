"""What a task's commands came to: their ends, and the values of their outputs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from airflow_plugin.commands.course import Ended
from airflow_plugin.commands.errors import CommandsError
from airflow_plugin.commands.outcome import TAIL_BYTES, CommandGone, Rules, Verdict, failure, gone, last_words
from airflow_plugin.commands.output import OutputForm, reference, returned
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from edge_agent.protocol.commands import MAX_WATCHED, OUTPUT_BYTES, CommandView, Seen
from edge_agent.protocol.streams import Stream, Streams

log = logging.getLogger(__name__)


class Results:
    """Reads what is needed of outputs, and no more of them than all together may have in an XCom.

    ``limit``: bytes of that. ``hook``: asks the queue.
    """

    def __init__(self, hook: EdgeAgentHook, form: OutputForm, limit: int) -> None:
        self._hook = hook
        self._form = form
        self._left = limit

    def value(self, view: CommandView) -> Any:
        """Return what of a command's output becomes an XCom."""
        if self._form is OutputForm.NONE:
            return None
        output = self._hook.output(view.id, Stream.STDOUT, max(1, min(self._left, OUTPUT_BYTES)))
        if not output.is_whole:
            log.warning("Some of the output of %s was lost on its way, or cut off.", view.id)
        limit = min(self._left, OUTPUT_BYTES)
        if (value := returned(self._form, output, limit)) is None and output.total_bytes > limit:
            return reference(view.id, output.total_bytes, self._hook.edge_agent_conn_id)
        self._left -= len(value.encode()) if self._form is OutputForm.LAST_LINE else output.total_bytes
        return value

    def entry(self, ended: Ended) -> dict[str, Any]:
        """Return one of several commands as an XCom has it."""
        view = ended.view
        if view is None:
            return {"id": ended.name, "job_id": None, "state": "not_run", "exit_code": None, "output": None}
        return {
            "id": ended.name,
            "job_id": str(view.id),
            "state": view.state.value,
            "exit_code": view.exit_code,
            "output": self.value(view),
        }


def judge(hook: EdgeAgentHook, rules: Rules, ended: Sequence[Ended]) -> None:
    """Raise what the ends of a task's commands come to, if that is not success.

    :raises CommandFailed: when one failed, with its last words.
    :raises CommandRejected: when one was refused.
    :raises AirflowSkipException: when none failed, and one ended with an exit code that means it.
    """
    views = [each.view for each in ended if each.view is not None]
    verdicts = [(view, rules.verdict(view.state, view.reason, view.exit_code)) for view in views]
    failed = [view for view, verdict in verdicts if verdict is Verdict.FAILURE]
    if failed:
        raise _failure(hook, failed, ended)
    skipped = [view for view, verdict in verdicts if verdict is Verdict.SKIP]
    if skipped:
        msg = f"The command {skipped[0].name!r} ended with exit code {skipped[0].exit_code}, which means: skip."
        raise AirflowSkipException(msg)


def tail(hook: EdgeAgentHook, view: CommandView) -> str:
    """Return the last lines of a command: of its standard error, where that is apart and has some."""
    streams = (Stream.STDERR, Stream.STDOUT) if view.streams is Streams.APART else (Stream.STDOUT,)
    for stream in streams:
        if words := last_words(hook.output(view.id, stream, TAIL_BYTES).content):
            return words
    return ""


def _failure(hook: EdgeAgentHook, failed: Sequence[CommandView], ended: Sequence[Ended]) -> AirflowException:
    """Return the failure of the first: one that the others were ended for, where there is one."""
    first = min(failed, key=lambda view: (view.reason == "cancelled", failed.index(view)))
    others = []
    if also := [repr(view.name) for view in failed if view is not first]:
        others.append(f"Also failed: {', '.join(also)}.")
    if not_run := [repr(each.name) for each in ended if each.view is None]:
        others.append(f"Not run: {', '.join(not_run)}.")
    return failure(first, tail(hook, first), " ".join(others))


def facts(ended: Sequence[Ended]) -> list[dict[str, Any]]:
    """Return what an asset's event says of the commands that made it."""
    return [_fact(each.view) for each in ended if each.view is not None]


def _fact(view: CommandView) -> dict[str, Any]:
    return {
        "job_id": str(view.id),
        "agent": view.agent_name,
        "exit_code": view.exit_code,
        "output_bytes": view.log_bytes,
        "ran_seconds": view.ran_seconds,
    }


def views(hook: EdgeAgentHook, job_ids: Sequence[UUID]) -> Sequence[CommandView]:
    """Return commands as they stand.

    :raises CommandGone: when the queue does not know one any more.
    """
    found: list[CommandView] = []
    for start in range(0, len(job_ids), MAX_WATCHED):
        news = hook.wait([Seen(id=each) for each in job_ids[start : start + MAX_WATCHED]], 0)
        if news.unknown:
            raise CommandGone(gone(news.unknown))
        found += news.commands
    return found


def end(hook: EdgeAgentHook, job_ids: Sequence[UUID], reason: str) -> None:
    """Ask for the end of commands. The queue notices by itself when Airflow has gone on; this is only sooner."""
    for job_id in job_ids:
        try:
            hook.cancel(job_id, reason)
        except CommandsError as error:
            log.warning("The command %s could not be ended from here: %s", job_id, error)


def ids(job_ids: Sequence[UUID]) -> list[str]:
    """Return the ids of jobs as an XCom has them."""
    return [str(job_id) for job_id in job_ids]
