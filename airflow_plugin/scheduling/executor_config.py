"""What a Dag author may ask for: ``executor_config={"edge_agent": {...}}`` on any task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from airflow_plugin.errors import Invalid
from airflow_plugin.queue.placement import validated_requirements
from edge_agent.protocol import CapabilityValue, RunnerName
from edge_agent.protocol.agents import MAX_SLOTS

KEY = "edge_agent"
LONGEST_TIMEOUT_SECONDS = 365 * 86_400


class OnAgentLost(StrEnum):
    """What becomes of a running task when its agent is lost."""

    FAIL = "fail"
    """It fails at once, so that Airflow can retry it elsewhere."""

    WAIT = "wait"
    """It stays running for some time: its agent may come back with it."""


@dataclass(frozen=True)
class Wishes:
    """What one task asks for.

    ``requires``: capabilities an agent must have. ``runner``: where on the host it runs. ``slots``: None takes
    the task's pool slots. ``queue_timeout``: seconds to wait for an agent; None takes the configured ones.
    ``wait_seconds``: how long it waits for a lost agent, if it does; None takes as long as the site allows.
    ``run_as_user``: the user of the host it runs as; None leaves that to the host.
    """

    requires: Mapping[str, CapabilityValue] = field(default_factory=dict)
    runner: RunnerName = RunnerName.DEFAULT
    slots: int | None = None
    queue_timeout: float | None = None
    on_agent_lost: OnAgentLost = OnAgentLost.FAIL
    wait_seconds: float | None = None
    run_as_user: str | None = None


def wishes(executor_config: object) -> Wishes:
    """Read a task's ``executor_config``; none at all asks for nothing.

    :raises Invalid: naming the key that cannot be there, or the value and what it must be.
    """
    if not executor_config:
        return Wishes()
    ours = _mapping(executor_config, "executor_config", {KEY}).get(KEY)
    if ours is None:
        return Wishes()
    asked = _mapping(ours, f'executor_config["{KEY}"]', set(_READERS))
    wished = Wishes(**{name: _READERS[name](value) for name, value in asked.items() if value is not None})
    if wished.wait_seconds is not None and wished.on_agent_lost is not OnAgentLost.WAIT:
        msg = f"wait_seconds is {wished.wait_seconds:g}, which means nothing without on_agent_lost: 'wait'"
        raise Invalid(msg)
    return wished


def _mapping(value: object, where: str, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        msg = f"{where} must be a mapping, not {type(value).__name__}"
        raise Invalid(msg)
    for key in value:
        if key not in allowed:
            msg = f"{where} has the key {key!r}, which means nothing here; allowed is {', '.join(sorted(allowed))}"
            raise Invalid(msg)
    return value


def _one_of(name: str, choices: type[StrEnum], value: object) -> StrEnum:
    if value not in list(choices):
        msg = f"{name} is {value!r}; it must be one of {', '.join(choices)}"
        raise Invalid(msg)
    return choices(str(value))


def _slots(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SLOTS:
        msg = f"slots is {value!r}; it must be a whole number from 1 to {MAX_SLOTS}"
        raise Invalid(msg)
    return value


def _user(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", value):
        msg = f"run_as_user is {value!r}; it must be the name of a user of the host"
        raise Invalid(msg)
    return value


def _seconds(name: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < float(str(value)) <= LONGEST_TIMEOUT_SECONDS:
        msg = f"{name} is {value!r}; it must be seconds, above 0 and at most {LONGEST_TIMEOUT_SECONDS}"
        raise Invalid(msg)
    return float(str(value))


_READERS: dict[str, Any] = {
    "requires": validated_requirements,
    "runner": partial(_one_of, "runner", RunnerName),
    "slots": _slots,
    "queue_timeout": partial(_seconds, "queue_timeout"),
    "on_agent_lost": partial(_one_of, "on_agent_lost", OnAgentLost),
    "wait_seconds": partial(_seconds, "wait_seconds"),
    "run_as_user": _user,
}
