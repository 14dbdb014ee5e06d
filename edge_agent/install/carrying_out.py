"""Showing a plan, and carrying it out: step by step, told step by step, no further than the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edge_agent.errors import AgentError, CannotInstall
from edge_agent.install.host import Host
from edge_agent.install.plan import Plan
from edge_agent.install.record import Record
from edge_agent.install.steps import Step

Say = Callable[[str], None]


def show(plan: Plan, say: Say) -> None:
    """Say all about every step, and which of them are due. Nothing is done."""
    for number, step in enumerate(plan.steps, 1):
        say(f"{number}. {step.title}: {_dueness(plan.host, step)}")
        _say_all(step.shown(plan.host), say)
    for note in plan.notes:
        say(note)


def carry_out(plan: Plan, say: Say) -> bool:
    """Do what is due and say what was done; return whether anything was.

    :raises CannotInstall: at the first step that fails: says which, why, and how to go on.
    """
    before = Record.read(plan.host, plan.layout)
    is_changed = before is not None and not before.is_finished
    noted = replace(plan.record, is_finished=False) if plan.record else None
    done: list[str] = []
    for step in plan.steps:
        try:
            due = step.due(plan.host, is_changed=is_changed)
            if due is None:
                continue
            if noted is not None and step.changes:
                noted = _note(plan, noted, step)
            said = step.do(plan.host)
        except (CannotInstall, OSError) as error:
            raise CannotInstall(_failure(step, error, done)) from error
        is_changed = is_changed or step.changes
        done += [step.title] * step.changes
        say(f"done: {step.title}")
        _say_all([*due, *said], say)
    if plan.record is not None and (is_changed or before is None):
        replace(noted or plan.record, is_finished=True).write(plan.host, plan.layout)
    if not is_changed:
        say("Nothing to do: all of it is as it is to be.")
    for note in plan.notes:
        say(note)
    return is_changed


def _note(plan: Plan, noted: Record, step: Step) -> Record:
    """Note what a step is going to make, before it makes it. The directory of the notes is its own note."""
    new = _not_there(plan.host, step.makes) if step.makes else []
    noted = noted.with_made([path for path in new if path != plan.layout.folder])
    if plan.host.place(plan.layout.folder).is_dir():
        noted.write(plan.host, plan.layout)
    return noted


def _not_there(host: Host, path: Path) -> Sequence[Path]:
    """Return a path and those above it, as far as they do not exist, from the top."""
    return [each for each in (*reversed(path.parents), path) if not host.place(each).exists()]


def _dueness(host: Host, step: Step) -> str:
    try:
        due = step.due(host, is_changed=True)
    except (OSError, AgentError) as error:  # for root it can
        return f"cannot be told: {error}"
    return step.undue(host) if due is None else "to be done"


def _say_all(lines: Sequence[str], say: Say) -> None:
    for line in lines:
        say(f"    {line}")


def _failure(step: Step, error: Exception, done: Sequence[str]) -> str:
    so_far = "; ".join(done) or "nothing"
    return (
        f"Failed: {step.title}: {error}\nDone before that: {so_far}.\n"
        "Mend it and run the same command again: it goes on where this one was."
    )
