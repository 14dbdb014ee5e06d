"""What was asked for on the command line, and what of it is refused before anything is done."""

from __future__ import annotations

import getpass
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from edge_agent.errors import CannotInstall, SettingsError
from edge_agent.install.host import Entry, Host
from edge_agent.install.layout import USER, Layout
from edge_agent.install.systemd import Sandbox
from edge_agent.policy.file import changeable_by_others
from edge_agent.protocol.secrets import AGENT_TOKEN, KINDS

INSTANCE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
USER_NAME = r"[a-z_][a-z0-9_-]{0,31}"
PLAIN_PATH = r"/[A-Za-z0-9._@+/-]*"
"""Paths go into a unit and into scripts, each with quoting of its own: ours need none."""


@dataclass(frozen=True)
class Wishes:
    """What was asked for. None: nothing was said about that."""

    instance: str | None = None
    user: str | None = None
    create_user: bool = False
    name: str | None = None
    url: str | None = None
    queues: tuple[str, ...] | None = None
    server_key: str | None = None
    state_dir: Path | None = None
    program: Path | None = None
    sandbox: Sandbox | None = None
    start: bool = True
    check: bool = False

    @property
    def settings(self) -> dict[str, str | tuple[str, ...]]:
        """What of it stands in the settings file."""
        said = {
            "url": self.url,
            "name": self.name,
            "queues": self.queues,
            "server_key": self.server_key,
            "state_dir": str(self.state_dir) if self.state_dir else None,
        }
        return {name: value for name, value in said.items() if value is not None}


def layout_of(instance: str | None) -> Layout:
    """Return where everything is.

    :raises SettingsError: when the instance name cannot be part of a file's and a unit's name.
    """
    if instance is not None and not re.fullmatch(INSTANCE, instance):
        msg = f"--instance: {instance!r} must be 1 to 32 letters, digits, '.', '_' or '-', and not begin with a sign"
        raise SettingsError(msg)
    return Layout(instance)


def require_root(host: Host, verb: str) -> None:
    """Refuse to change this host as anybody but root.

    :raises CannotInstall: saying what can be done instead.
    """
    if host.is_live and os.geteuid() != 0:
        msg = f"Only root can {verb} an agent on this host: use sudo, or look at what would be done with --dry-run."
        raise CannotInstall(msg)


def plain(path: Path, option: str) -> Path:
    """Refuse a path that is not absolute, or would have to be quoted.

    :raises SettingsError: naming the option.
    """
    if not re.fullmatch(PLAIN_PATH, str(path)) or ".." in path.parts:
        msg = f"{option}: {str(path)!r} must be an absolute path of letters, digits and '._@+-/', without '..'"
        raise SettingsError(msg)
    return path


def user_of(wishes: Wishes, host: Host, recorded: str = "") -> tuple[str, bool]:
    """Return who the agent runs as, and whether that user is to be made. ``recorded``: who it was until now.

    :raises SettingsError: when there is no such user, and nobody asked for one to be made.
    """
    name = wishes.user or recorded or USER
    if not re.fullmatch(USER_NAME, name):
        msg = f"--user: {name!r} is no name of a user"
        raise SettingsError(msg)
    if name == "root" or not host.knows_users() or host.user(name):
        return name, False
    if name != USER and not wishes.create_user:
        msg = f"--user: this host knows no user {name!r}; create it, or have it made with --create-user"
        raise SettingsError(msg)
    return name, True


def sandbox_of(wishes: Wishes, user: str, recorded: str = "") -> Sandbox:
    """Return how much is taken away from jobs. ``recorded``: how much it was until now.

    :raises SettingsError: when that would take from root what root is there for.
    """
    usual = Sandbox.OPEN if user == "root" else Sandbox(recorded or Sandbox.JOBS)
    if user == "root" and wishes.sandbox not in (None, Sandbox.OPEN):
        msg = "--sandbox: an agent of root becomes other users, which only 'open' leaves it; leave the option out"
        raise SettingsError(msg)
    return wishes.sandbox or usual


def program_of(wishes: Wishes, host: Host, user: str) -> Path:
    """Return the program of the agent: the one that runs now, unless another is named.

    :raises SettingsError: when it is not there, others could exchange it, or the agent's user cannot get at it.
    """
    program = plain(wishes.program or Path(sys.executable).with_name("edge-agent"), "--program")
    place = host.place(program)
    if not host.is_live and not place.exists():  # of a package: it comes from elsewhere
        return program
    if not os.access(place, os.X_OK) or place.is_dir():
        msg = f"--program: there is no program {place}; install the package there first"
        raise SettingsError(msg)
    install = "Install it where only root can write, such as: python3 -m venv /opt/edge-agent"
    make = (
        "Make its environment with a Python that stands in no home, such as: /usr/bin/python3 -m venv /opt/edge-agent"
    )
    entry = host.user(user)
    for needed, advice in ((place, install), *((each, make) for each in _interpreter(host, place))):
        try:
            why = changeable_by_others(needed, frozenset({0, os.geteuid()}))
        except OSError as error:
            msg = f"--program: {needed} cannot be run: {error.strerror}. {advice}"
            raise SettingsError(msg) from error
        if why:
            msg = f"--program: {needed} is not run as a service, because others could exchange it: {why}. {advice}"
            raise SettingsError(msg)
        if user != "root" and (closed := _closed_to(needed, entry)):
            msg = f"--program: {closed} is closed to user {user}, who could not run {needed}. {advice}"
            raise SettingsError(msg)
    return program


def _interpreter(host: Host, program: Path) -> list[Path]:
    """Return what runs a script: an environment's Python is a link, maybe into somebody's home."""
    with program.open("rb") as file:
        first = file.readline(4096)
    found = re.match(rb"#!\s*(/\S+)", first)
    path = host.place(Path(os.fsdecode(found[1]))) if found else None
    # That of a package may come from elsewhere.
    return [path] if path and (host.is_live or path.exists()) else []


def _closed_to(path: Path, entry: Entry | None) -> Path | None:
    """Return what on the way to a program a user may not pass; None: he can run it."""
    real = path.resolve()
    ways = (*reversed(path.parents), *reversed(real.parents), real)
    return next((each for each in ways if not _may_pass(each, entry)), None)


def _may_pass(path: Path, entry: Entry | None) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    if entry and found.st_uid == entry.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if entry and found.st_gid in entry.groups:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def read_token(file: Path | None, *, is_needed: bool) -> SecretStr | None:
    """Return the token from a file, from standard input (``-``), or, if needed, from whoever sits at the terminal.

    None: nothing was said. It is never an argument: everybody on the host could read that.

    :raises SettingsError: when the file cannot be read, is open to others, or holds no agent token.
    """
    if file is None and not is_needed:
        return None
    if file is None and sys.stdin.isatty():
        return _token(getpass.getpass("Agent token (not shown): "), "The token")
    if file is None or file == Path("-"):
        return _token(sys.stdin.read(), "Standard input", is_needed=file is not None)
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"--token-file: cannot read {file}: {error}"
        raise SettingsError(msg) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        msg = f"--token-file: {file} is open to other users; run: chmod 600 {file}"
        raise SettingsError(msg)
    return _token(text, f"--token-file: {file}")


def _token(text: str, where: str, *, is_needed: bool = True) -> SecretStr | None:
    words = text.split()
    if not words and not is_needed:
        return None
    if len(words) != 1:
        msg = f"{where} must hold one token and nothing else"
        raise SettingsError(msg)
    kind = words[0].partition("_")[0]
    if kind in KINDS and kind != AGENT_TOKEN:
        msg = f"{where} holds no agent token: those begin with {AGENT_TOKEN}_ and are made by `tokens create`"
        raise SettingsError(msg)
    return SecretStr(words[0] + "\n")
