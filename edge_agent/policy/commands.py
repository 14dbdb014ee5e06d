"""Judges commands: which words, as which user, in which directory, with which variables and limits."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.policy.admission import Refusal
from edge_agent.policy.document import Bounds, Commands, Document, Limits, Listed
from edge_agent.policy.environment import refused_names
from edge_agent.policy.file import changeable_by_others
from edge_agent.policy.templates import Mismatch
from edge_agent.policy.values import PathBelow
from edge_agent.protocol.traces import TRACE_VARIABLE, traceparent
from edge_agent.runners.account import Account
from edge_agent.runners.command import CommandPayload


@dataclass(frozen=True)
class _Bounds:
    """What holds for one command. ``rule``: the table of the policy that says so."""

    rule: str
    run_as_user: str | None
    run_as_users: tuple[str, ...]
    env: tuple[str, ...]
    roots: tuple[PathBelow, ...]
    limits: Limits

    @classmethod
    def of(cls, general: Commands, listed: Listed | None) -> _Bounds:
        special: Bounds = listed or general
        return cls(
            rule=f"command.{listed.name}" if listed else "commands",
            run_as_user=special.run_as_user or general.run_as_user,
            run_as_users=(general.run_as_users if special.run_as_users is None else special.run_as_users) or (),
            env=(general.env if special.env is None else special.env) or (),
            roots=(general if special.directories is None else special).roots,
            limits=special.limits.over(general.limits),
        )


def bounded(document: Document, payload: dict[str, Any]) -> tuple[dict[str, Any], Limits]:
    """Return what of a command may run, and its limits.

    :raises CannotStart: when it makes no sense, or is not to run.
    """
    asked = CommandPayload.read(payload)
    listed, words = _find(document, asked.command)
    bounds = _Bounds.of(document.commands, listed)
    user = _user(bounds, asked.run_as_user)
    if listed is not None:
        _check_program(listed, user)
    if refused := refused_names(asked.env, bounds.env):
        why = f"it sets {', '.join(refused)}. Add what it may set to 'env' there, or leave it out."
        raise Refusal(why, rule=f"{bounds.rule}.env")
    return {
        "command": words,
        # What was looked at is what runs, whatever its links are changed to meanwhile.
        "executable": os.path.realpath(listed.template.program) if listed else None,
        "env": _traced(asked),
        "cwd": _directory(bounds, asked.cwd, is_free=listed is None),
        "run_as_user": user,
        "new_privileges": document.commands.new_privileges,
    }, bounds.limits


def _traced(asked: CommandPayload) -> dict[str, str]:
    """Return its environment with the trace it belongs to: three numbers, which no policy needs to allow."""
    trace = traceparent(asked.traceparent)
    return {TRACE_VARIABLE: trace, **asked.env} if trace else asked.env


def own_user() -> str:
    """Return the name of the agent's own user; his number where he has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def fault_of_program(listed: Listed, user: str | None) -> str | None:
    """Say what is wrong with the program of a listed command; None: nothing.

    ``user``: whom it runs as, None for the agent's own. He may own it: it does nothing he could not do.
    """
    try:
        trusted = frozenset({0, Account.of(user).uid if user else os.geteuid()})
        why = changeable_by_others(Path(listed.template.program), trusted)
    except LookupError:
        return None  # who he is, is looked at next, and told better there
    except OSError as error:
        return f"its program {listed.template.program} cannot be looked at: {error.strerror}"
    return f"others could change its program: {why}" if why else None


def _find(document: Document, command: str | list[str]) -> tuple[Listed | None, str | list[str]]:
    """Return the entry that lists a command, None for what needs none, and the words to run."""
    allow = document.commands.allow
    if isinstance(command, str) and allow != "shell":
        why = 'it is a text for a shell. Send a list of words, or allow it with allow = "shell" there.'
        raise Refusal(why, rule="commands.allow")
    why = "nothing under [[command]] has its program."
    for listed in document.command if isinstance(command, list) else ():
        try:
            return listed, listed.template.match(command)
        except Mismatch as error:
            if command[0] == listed.template.program:
                why = f"it is not {listed.name!r}: {error}."
    if allow == "listed":
        why += " Send one that is listed, or list it."
        raise Refusal(why, rule="command")
    if name := document.lint.lint.complaint(command):
        why = "it looks like a slip. If it is meant: list it under [[command]], or add that name to 'skip' of [lint]."
        raise Refusal(why, rule=f"lint.{name}")
    return None, command


def _user(bounds: _Bounds, asked: str | None) -> str | None:
    """Return whom it runs as, None for the agent's own user."""
    own = own_user()
    name = asked or bounds.run_as_user or own
    allowed = {bounds.run_as_user, *bounds.run_as_users} | ({own} if os.geteuid() else set())
    if name not in allowed:
        why = f"it would run as {name}. Let it name another user, or add him to 'run_as_users' there."
        raise Refusal(why, rule=f"{bounds.rule}.run_as_users")
    return None if name == own else name


def _check_program(listed: Listed, user: str | None) -> None:
    if fault := fault_of_program(listed, user):
        why = f"{fault}. Only root and the user it runs as may be able to."
        raise Refusal(why, rule=f"command.{listed.name}")


def _directory(bounds: _Bounds, asked: str | None, *, is_free: bool) -> str | None:
    if asked is None or (is_free and not bounds.roots):
        return asked
    for root in bounds.roots:
        try:
            return root.accept(asked)
        except ValueError:
            continue
    among = f"in none of {', '.join(each.root for each in bounds.roots)}" if bounds.roots else "where it likes"
    why = f"it would begin {among}. Leave 'cwd' out, or add the directory to 'directories' there."
    raise Refusal(why, rule=f"{bounds.rule}.directories")
