"""Watches commands from the triggerer, and holds no worker meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_plugin.commands import allowance
from airflow_plugin.commands.course import Course, Entry
from airflow_plugin.commands.errors import CommandsError
from airflow_plugin.commands.following import SETTLED_SECONDS, Follower
from airflow_plugin.commands.outcome import CommandGone
from airflow_plugin.commands.questions import aask
from airflow_plugin.hooks.edge_agent import EdgeAgentHook

MOST_BEHIND_BYTES = 1_048_576
"""When more of the logs than this waits for its turn in the triggerer, a worker hands it on."""

EARLIEST_SECONDS = 5.0
"""No event before. A scheduler that hears in one turn that the task deferred and that it goes on takes the end of the
process that deferred for the end of the one that goes on, and fails the task (Airflow 3.3.2)."""

KILL_SECONDS = 20.0
"""How long the triggerer asks for the end of commands; Airflow gives it 30 seconds."""

KILL_REASON = "Airflow ended the task while it was deferred."


class EdgeAgentCommandsTrigger(BaseTrigger):
    """Follows the commands of a task until all have ended.

    It may be killed at any time, or run twice: it only watches what it knows by id, submits what is next by key, and
    goes on in each log where the queue was told that it is.

    ``edge_agent_conn_id``: Airflow's connection. ``course``: where the commands are
    (:class:`~airflow_plugin.commands.course.Course`). ``ends_with_task``: who ends the task while it is deferred ends
    the commands. Its event has the course as it is then, and in ``error`` why it
    is not over, if that cannot be waited for.
    """

    def __init__(self, edge_agent_conn_id: str, course: Mapping[str, Any], *, ends_with_task: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's has no types
        self.ends_with_task = ends_with_task
        self.edge_agent_conn_id = edge_agent_conn_id
        self.course = Course.model_validate(course)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what it is made of again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {
            "edge_agent_conn_id": self.edge_agent_conn_id,
            "course": self.course.model_dump(mode="json"),
            "ends_with_task": self.ends_with_task,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, once a worker has something to do."""
        follower = Follower(
            self.course,
            self,
            leaves_the_end=True,
            most_behind=MOST_BEHIND_BYTES,
            allowance=allowance.OF_THIS_PROCESS,
        )
        error, earliest = None, time.monotonic() + EARLIEST_SECONDS
        try:
            await aask(follower.follow(), self._hook())
        except (CommandsError, CommandGone) as failure:
            error = str(failure)
        if (said := follower.last_said()) is not None:
            # What a trigger logs shortly before it ends gets lost: Airflow closes its log at once.
            earliest = max(earliest, said + SETTLED_SECONDS)
        await asyncio.sleep(max(0.0, earliest - time.monotonic()))
        yield TriggerEvent({"course": self.course.model_dump(mode="json"), "error": error})

    async def on_kill(self) -> None:
        """End what nobody wants any more. Airflow also calls this where another triggerer goes on: the queue knows."""
        if not self.ends_with_task:
            return
        hook = EdgeAgentHook(self.edge_agent_conn_id, outage_seconds=KILL_SECONDS)
        for entry in self.course.submitted:
            if entry.is_open and entry.job_id is not None:
                await hook.acancel(entry.job_id, KILL_REASON, only_if_unwanted=True)

    def lines(self, entry: Entry, lines: list[str]) -> None:
        """Log lines of a command; those that came together as one entry: the triggerer reads slowly."""
        self.log.info("%s", "\n".join(self.course.prefixed(entry, line) for line in lines))

    def submitted(self, course: Course) -> None:
        """Nothing: the ids travel with the event."""

    def waits(self, entry: Entry, why: str) -> None:
        """Say why a command does not begin yet."""
        self.log.info("%s", self.course.prefixed(entry, why))

    def _hook(self) -> EdgeAgentHook:
        """Return a hook that outlasts any outage: the commands go on in it."""
        return EdgeAgentHook(self.edge_agent_conn_id, outage_seconds=None)
