"""RemSvc's words for commands and their results, and what they are here."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from airflow_plugin.commands.course import Ended
from airflow_plugin.commands.kept_output import NOTHING, Streams
from airflow_plugin.commands.specification import UnclearCommand, Written
from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView
from edge_agent.protocol.shells import Shell

KEYS = ("cmd", "cmdtyp", "cmdusr", "src")
SHELLS = {0: Shell.SH, 1: Shell.PWSH}

RemSvcCommand: TypeAlias = Mapping[str, Any]
"""``cmd``: a text for a shell. ``cmdtyp``: 0 (the default) ``sh``, 1 ``pwsh``. ``cmdusr``: user of the host.
``src``: who asks, in the asker's own words."""

Results: TypeAlias = dict[int, dict[str, Any]]
"""By ``tid``, the number of a command from 1 on; in their order."""

ResultHandler: TypeAlias = Callable[[Results], Any]


def translated(commands: Any) -> list[Written]:
    """Return RemSvc's commands as the operator for commands has them, named by their ``tid``.

    :raises UnclearCommand: naming the command and what is wrong with it.
    """
    if isinstance(commands, str | Mapping) or not isinstance(commands, Sequence) or not commands:
        msg = "'commands' must be a list with at least one command"
        raise UnclearCommand(msg)
    return [_one(tid, command) for tid, command in enumerate(commands, start=1)]


def results(commands: Sequence[RemSvcCommand], ended: Sequence[Ended], outputs: Mapping[str, Streams]) -> Results:
    """Return the result of each command that ran. ``outputs``: by the names of the commands."""
    by_name = {each.name: each.view for each in ended}
    found: Results = {}
    for tid, command in enumerate(commands, start=1):
        view = by_name.get(str(tid))
        if view is None:
            continue
        out, err = outputs.get(str(tid), NOTHING)
        cmd = command["cmd"]
        found[tid] = {"tid": tid, "rc": return_code(view), "out": out, "err": err, "hsh": checksum(cmd), "cmd": cmd}
    return found


def state_and_error(ended: Sequence[Ended], is_success: Callable[[CommandView], bool]) -> tuple[str, str | None]:
    """Return how all of them together ended, in RemSvc's words.

    ``CANCELLED``: they ran out of time or somebody ended them, and none failed by itself.
    """
    missing = [int(each.name) for each in ended if each.view is None]
    failed = [each.view for each in ended if each.view is not None and not is_success(each.view)]
    if not (missing or failed):
        return "SUCCESS", None
    stopped = {JobState.CANCELLED, EndReason.TIMEOUT}
    is_cancelled = bool(failed) and all(stopped & {view.state, view.reason} for view in failed)
    said = []
    if exits := [int(view.name) for view in failed if return_code(view) is not None]:
        said.append(f"Non-zero rc for tid(s): {sorted(exits)}")
    said += [f"tid {view.name}: {view.reason}, {view.message}" for view in failed if return_code(view) is None]
    if missing:
        said.append(f"No response for tid(s): {sorted(missing)}")
    return "CANCELLED" if is_cancelled else "FAILED", "; ".join(said)


def return_code(view: CommandView) -> int | None:
    """Return the exit code as a shell has it: 128 and the signal for what a signal ended; None: it has none."""
    return view.exit_code if view.signal is None else 128 + view.signal


def checksum(cmd: str) -> str:
    """Return what RemSvc calls ``hsh``: CRC-32 of the command, in hexadecimal digits."""
    return f"{zlib.crc32(cmd.encode()):08x}"


def _one(tid: int, command: RemSvcCommand) -> dict[str, Any]:
    if not isinstance(command, Mapping):
        msg = f"command {tid}: write it as a mapping with {', '.join(KEYS)}"
        raise UnclearCommand(msg)
    if unknown := sorted(set(command) - set(KEYS)):
        msg = f"command {tid}: {unknown[0]!r} means nothing here; there is {', '.join(KEYS)}"
        raise UnclearCommand(msg)
    cmd = command.get("cmd")
    if not isinstance(cmd, str) or not cmd.strip():
        msg = f"command {tid}: 'cmd' is missing or blank"
        raise UnclearCommand(msg)
    kind = str(command.get("cmdtyp") or 0).strip()
    if kind not in {str(number) for number in SHELLS}:
        msg = f"command {tid}: 'cmdtyp' {kind} is unknown; 0 is sh, 1 is pwsh"
        raise UnclearCommand(msg)
    return {
        "id": str(tid),
        "command": cmd,
        "shell": SHELLS[int(kind)].value,
        "run_as_user": command.get("cmdusr") or None,
        "label": command.get("src") or None,
    }
