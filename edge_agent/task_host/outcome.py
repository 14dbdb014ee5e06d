"""How a task ended, by what Airflow was told and accepted. Pure judgement."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.attempt_dir import Result

GOOD_ENDS = frozenset({"success", "skipped", "deferred", "up_for_reschedule", "awaiting_input"})
"""States after which nothing is wrong: the attempt did what it was started for."""


@dataclass
class Told:
    """What passed between task and Airflow that decides how the attempt ended.

    ``state``: the last one Airflow accepted. ``refusal``: one line on what it did not accept.
    ``not_wanted``: one line on why it wanted the task to end.
    """

    state: str | None = None
    refusal: str | None = None
    not_wanted: str | None = None


def judge(exit_code: int, told: Told) -> Result:
    """Say how a task ended, by what Airflow accepted: its supervisor answers 0 for failed tasks too."""
    if told.state in GOOD_ENDS:
        return Result(exit_code=0, state=told.state)
    message = told.not_wanted or told.refusal or _of_exit_code(exit_code)
    if told.state is None and message is None:
        message = "It ended without telling Airflow how."
    return Result(exit_code=1, state=told.state, message=message)


def _of_exit_code(exit_code: int) -> str | None:
    if exit_code < 0:
        return f"The task's process was killed by signal {-exit_code}."
    return f"The task's process ended with exit code {exit_code}." if exit_code else None
