"""Reading the policy file, and refusing one that says nothing for certain: open to others, or misspelt.

Who owns it decides what it is worth. Where only root can write it, neither the server nor the agent nor a
job can change it. An agent that is not root may also have one of its own: then it binds the server, and
whoever gets to run a task there can rewrite it for the agent's next start.
"""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.errors import PolicyError
from edge_agent.policy.document import TABLES, Document

DEFAULT = Path("/etc/edge-agent/policy.toml")


def read(path: Path | None) -> Document | None:
    """Read the policy of this host: the file that is named, or else the usual one if it is there.

    :raises PolicyError: when it cannot be read, others could change it, or it makes no sense. A line each.
    """
    file = path or DEFAULT
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        if path is None:
            return None
        msg = f"EDGE_AGENT_POLICY_FILE: there is no file {file}"
        raise PolicyError(msg) from None
    except OSError as error:
        msg = f"The policy {file} cannot be read: {error.strerror}. Until it can, nothing is allowed here."
        raise PolicyError(msg) from error
    _distrust(file)
    try:
        return Document.model_validate(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"The policy {file} is not TOML: {error}"
        raise PolicyError(msg) from error
    except ValidationError as error:
        lines = (f"The policy {file}: {complaint_of(fault)}" for fault in error.errors())
        raise PolicyError("\n".join(lines)) from None


def changeable_by_others(path: Path, trusted: frozenset[int]) -> str | None:
    """Say who beside the ``trusted`` users could change a file or put another in its place; None: nobody.

    :raises OSError: when that cannot be seen.
    """
    real = Path(os.path.realpath(path, strict=True))  # pathlib raises RuntimeError for a circle
    for each in dict.fromkeys((*_links(path.absolute()), real, *real.parents)):
        found = each.lstat()
        if found.st_uid not in trusted:
            return f"{each} belongs to {_user(found.st_uid)}"
        # In a sticky directory, such as /tmp, nobody can touch what is another's. A link has no mode of its own.
        open_to = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        is_safe = stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX)
        if open_to and not is_safe:
            return f"{each} can be written by {'everybody' if open_to & stat.S_IWOTH else 'its group'}"
    return None


def _links(path: Path) -> Iterator[Path]:
    """Return the links a path leads over, with the directories they lie in: who changes one, leads elsewhere."""
    while path.is_symlink():
        yield path
        yield from path.parents
        path = path.parent / path.readlink()
    yield from (parent for parent in path.parents if parent.is_symlink())


def _distrust(file: Path) -> None:
    why = changeable_by_others(file, frozenset({0, os.geteuid()}))
    if why is not None:
        msg = (
            f"The policy {file} is not obeyed, because others could change it: {why}. "
            f"As root: chown root {file}; chmod 644 {file}; and the same for the directories above it"
        )
        raise PolicyError(msg)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def complaint_of(fault: Any) -> str:
    """Say one fault in one line: where it is, and what may have been meant."""
    where = [part for part in fault["loc"] if isinstance(part, str)]
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] != "extra_forbidden":
        return f"{name}: {fault['msg'].removeprefix('Value error, ')}" if name else fault["msg"]
    table = TABLES.get(".".join(where[:-1]))
    near = difflib.get_close_matches(where[-1], table.model_fields if table else (), n=1, cutoff=0.5)
    return f"{name}: there is no such key" + (f"; did you mean {near[0]!r}?" if near else "")
