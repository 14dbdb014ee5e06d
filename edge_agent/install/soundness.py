"""Whether a host is fit for what is to be done: safe places, nobody else's files, no other agent in the way."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_agent.errors import CannotInstall, StateDirError
from edge_agent.install.host import Host
from edge_agent.install.layout import USER, Layout
from edge_agent.install.owned import MakeFolder, WriteFile
from edge_agent.install.steps import Step
from edge_agent.install.systemd import MARK
from edge_agent.state_dir import StateDir


def check_place(host: Host, step: Step) -> None:
    """Refuse to write where others than root could change what is there, or over what somebody else wrote.

    :raises CannotInstall: saying which path, and why.
    """
    if not isinstance(step, WriteFile | MakeFolder):
        return
    # What is in a directory of the agent's user is that user's; the directory above it must not be.
    place = step.path if step.owner == "root" else step.path.parent
    try:
        why = host.distrust(place)
    except OSError as error:
        why = str(error)
    if why is None and host.place(step.path).is_symlink():
        why = f"{host.place(step.path)} is a link"
    if why is not None:
        msg = f"{step.path} is not safe to write: {why}. Give it to root, and take the others' right to write"
        raise CannotInstall(msg)
    if isinstance(step, WriteFile) and isinstance(step.content, str) and step.content.startswith(MARK):
        _check_ours(host.place(step.path))


def _check_ours(place: Path) -> None:
    if place.exists() and not place.read_bytes().startswith(MARK.encode()):
        msg = (
            f"{place} was not written by `edge-agent install`, and would be overwritten. Move it away; changes of a "
            "unit go into a drop-in (systemctl edit)"
        )
        raise CannotInstall(msg)


def check_state_dir(host: Host, state_dir: Path, user: str) -> None:
    """Refuse a directory that is somebody's, or is there for something else.

    :raises CannotInstall: saying whose it is, or what else there is.
    """
    place = host.place(state_dir)
    if not place.exists():
        return
    if not place.is_dir():
        msg = f"The state directory {place} is no directory"
        raise CannotInstall(msg)
    try:
        is_empty = not any(place.iterdir())
    except OSError as error:
        msg = f"The state directory {place} cannot be read: {error.strerror}. Use sudo"
        raise CannotInstall(msg) from error
    if is_empty:
        return
    if not StateDir(place).attempts.is_dir():
        msg = f"{place} holds other things than an agent's state: name an empty directory, or one that is not there"
        raise CannotInstall(msg)
    owner, ids = place.stat().st_uid, host.ids(user)
    if ids is not None and owner != ids[0]:
        msg = f"{place} holds the state of an agent of user {owner}. To go on with it: chown -R {user} {place}"
        raise CannotInstall(msg)


def check_neighbours(host: Host, layout: Layout, content: Mapping[str, Any]) -> None:
    """Refuse what another agent of the host has already: its name, its state directory.

    :raises CannotInstall: saying which one has it.
    """
    for file, other in neighbours(host, layout):
        for key in ("name", "state_dir"):
            if content.get(key) is not None and other.get(key) == content[key]:
                msg = f"{key} {content[key]!r} is that of the agent of {file}: every agent needs one of its own"
                raise CannotInstall(msg)


def neighbours(host: Host, layout: Layout) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the settings files of other agents that are installed on the host, with what stands in them.

    :raises CannotInstall: when one cannot be read.
    """
    for file in sorted(host.place(Path("/etc")).glob(f"{USER}*/agent.toml")):
        if file == host.place(layout.settings):
            continue
        try:
            yield file, tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"The settings {file} of another agent cannot be read: {error}"
            raise CannotInstall(msg) from error


def check_nobody_else_runs(host: Host, layout: Layout, state_dir: Path) -> None:
    """Refuse to start an agent where one runs that the unit has not started.

    :raises CannotInstall: saying which one, and what to do.
    """
    if not host.is_live or host.is_active(layout.unit):
        return
    try:
        holder = StateDir(state_dir).holder()
    except StateDirError as error:
        raise CannotInstall(str(error)) from error
    if holder is not None:
        msg = (
            f"The {holder} runs already with {state_dir}, and was not started by {layout.unit}. Stop it first (what it "
            "runs lives on), or use --no-start"
        )
        raise CannotInstall(msg)
