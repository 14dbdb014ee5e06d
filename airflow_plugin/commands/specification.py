"""A command as a Dag author writes it, and what is asked of the queue for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from pydantic import ValidationError

from edge_agent.protocol.commands import Submit

NO_SHELL = "none"
"""As ``shell``: a text is split into words here, and no shell reads it."""

CommandLine: TypeAlias = str | Sequence[str]
"""A text, which a shell reads, or words, which are run as they are."""

Written: TypeAlias = CommandLine | Mapping[str, Any]
"""One of several commands: the command alone, or a mapping with its ``id`` and what it has of its own."""

Seconds: TypeAlias = float | timedelta

_TIMES = {"timeout": "timeout_seconds", "queue_timeout": "queue_timeout_seconds", "lost_wait": "lost_wait_seconds"}
_TAKEN = (
    "agent",
    "cwd",
    "env",
    "label",
    "on_agent_lost",
    "priority_weight",
    "queue",
    "requires",
    "run_as_user",
    "runner",
    "shell",
    "slots",
    "streams",
)
OWN_VALUES = frozenset({"command", "id", *_TAKEN, *_TIMES})
"""What one of several commands may have of its own."""


class UnclearCommand(ValueError):
    """What is written is no command. The message says what it would have to be."""


@dataclass(frozen=True)
class Specification:
    """One command: what it is called among those of its task, and what is asked for it."""

    name: str
    submit: Submit


def specified(commands: Sequence[Written], common: Mapping[str, Any]) -> tuple[Specification, ...]:
    """Return what is asked for, in the order it is written.

    ``common``: what holds for each that has no value of its own; ``env`` and ``requires`` are put together.

    :raises UnclearCommand: naming the command and what is wrong with it, and no value of its environment.
    """
    if isinstance(commands, str | Mapping) or not commands:
        msg = "'commands' must be a list with at least one command"
        raise UnclearCommand(msg)
    every = tuple(_one(str(number), written, common) for number, written in enumerate(commands, start=1))
    names = [each.name for each in every]
    for name in names:
        if names.count(name) > 1:
            msg = f"two commands have the id {name!r}"
            raise UnclearCommand(msg)
    return every


def seconds(value: Seconds | None) -> float | None:
    """Return a time in seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def _one(number: str, written: Written, common: Mapping[str, Any]) -> Specification:
    values = _values(number, written, common)
    name = str(values.pop("id", None) or number)
    for ours, theirs in _TIMES.items():
        values[theirs] = seconds(values.pop(ours, None))
    if values.get("shell") == NO_SHELL:
        values |= {"shell": None, "command": _words(name, values["command"])}
    command = values.get("command")
    values["command"] = command if isinstance(command, str) or command is None else tuple(command)
    try:
        submit = Submit(name=name, **{key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        msg = f"command {name!r}: {_said(error)}"
        raise UnclearCommand(msg) from None
    return Specification(name, submit)


def _values(number: str, written: Written, common: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {**written} if isinstance(written, Mapping) else {"command": written}
    if unknown := sorted(set(own) - OWN_VALUES):
        msg = f"command {number}: {unknown[0]!r} means nothing here; there is {', '.join(sorted(OWN_VALUES))}"
        raise UnclearCommand(msg)
    if not own.get("command"):
        msg = f"command {number}: 'command' is missing or empty"
        raise UnclearCommand(msg)
    if isinstance(own["command"], str) and not own["command"].strip():
        msg = f"command {number}: 'command' is blank"
        raise UnclearCommand(msg)
    values = dict(common) | {key: value for key, value in own.items() if value is not None}
    for together in ("env", "requires"):
        values[together] = {**(common.get(together) or {}), **(own.get(together) or {})}
    if values.get("shell") and not isinstance(values["command"], str) and "shell" not in own:
        values["shell"] = None  # the common one is for texts
    return values


def _words(name: str, command: CommandLine) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(command)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        msg = f"command {name!r} cannot be split into words: {error}"
        raise UnclearCommand(msg) from None


def _said(error: ValidationError) -> str:
    """Word what is wrong without the values, of which some are secret."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(str(part) for part in each['loc']) or 'it'}: {each['msg']}" for each in found)
