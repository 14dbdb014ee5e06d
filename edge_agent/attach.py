"""Finding the tmux session of a job, for somebody with a terminal on the host."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotAttach
from edge_agent.protocol import Offer, RunnerName, one_line
from edge_agent.state_dir import StateDir
from edge_agent.tmux_server import TmuxServer, session_name


@dataclass(frozen=True)
class Found:
    """One job that this host has in hands."""

    attempt: AttemptDir
    offer: Offer

    def __str__(self) -> str:
        return f"{one_line(self.offer.label)} (job {self.offer.job_id}, assignment {self.offer.assignment_id})"


def attach_words(state_dir: StateDir, wanted: str, *, write: bool) -> list[str]:
    """Return the command line that shows the session of a job.

    :param wanted: how the id of the job or of the assignment begins.
    :raises CannotAttach: when there is nothing to show; says why, and what there is.
    """
    _refuse_root(state_dir.path)
    found = _one_of(_found_in(state_dir), wanted)
    if found.offer.runner is not RunnerName.TMUX:
        msg = f"{found} does not run in tmux. What it says stands in {found.attempt.path}."
        raise CannotAttach(msg)
    if found.attempt.result() is not None:
        msg = f"{found} has ended. What it said stands in {found.attempt.path} until the server has all of it."
        raise CannotAttach(msg)
    server = TmuxServer(state_dir.tmux)
    name = session_name(found.offer.label, found.offer.assignment_id)
    if not server.has(name):
        msg = f"{found} has no session: it has not begun, or is just ending."
        raise CannotAttach(msg)
    return server.attach_words(name, write=write)


def _refuse_root(path: Path) -> None:
    """Keep root from the socket of a user's tmux: whoever listens there tells its callers what to run.

    :raises CannotAttach: where the jobs are not root's own.
    """
    if os.geteuid() != 0 or not path.exists() or (uid := path.stat().st_uid) == 0:
        return
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"#{uid}"
    msg = (
        f"{path} is {user}'s, and a job of that user could make root's terminal do what it likes: run this as that "
        f"user, such as with: sudo -u '{user}' edge-agent attach ..."
    )
    raise CannotAttach(msg)


def _one_of(found: list[Found], wanted: str) -> Found:
    fits = [each for each in found if wanted and _fits(each.offer, wanted.lower())]
    if len(fits) == 1:
        return fits[0]
    shown = "\n".join(f"  {each}" for each in fits or found) or "  none"
    if fits:
        msg = f"{wanted!r} is the beginning of several ids; give more of it:\n{shown}"
    else:
        msg = f"No job of this host has an id that begins with {wanted!r}; it may have ended. There are:\n{shown}"
    raise CannotAttach(msg)


def _fits(offer: Offer, beginning: str) -> bool:
    return str(offer.job_id).startswith(beginning) or str(offer.assignment_id).startswith(beginning)


def _found_in(state_dir: StateDir) -> list[Found]:
    try:
        paths = sorted(state_dir.attempts.iterdir())
    except FileNotFoundError:
        msg = f"No agent has ever run with the state directory {state_dir.path}; set EDGE_AGENT_STATE_DIR or --config."
        raise CannotAttach(msg) from None
    except PermissionError:
        msg = f"{state_dir.path} is for the user of the agent alone: run this as that user."
        raise CannotAttach(msg) from None
    return [found for path in paths if (found := _read(AttemptDir(path)))]


def _read(attempt: AttemptDir) -> Found | None:
    try:
        return Found(attempt, Offer.model_validate(attempt.read("offer.json")))
    except (ValidationError, ValueError, OSError):  # not written yet, or just being removed
        return None
