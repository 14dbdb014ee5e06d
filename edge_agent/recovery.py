"""What an earlier agent left on this host, read from its attempt directories when an agent starts."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from edge_agent.assignment import Assignment, Stage
from edge_agent.attempt_dir import AttemptDir
from edge_agent.means import Means
from edge_agent.protocol import Offer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """``started``: to be adopted, whether their processes still live or not. ``never_started``: to be
    declared and then removed."""  # noqa: D205, D209  two fields, one sentence each

    started: tuple[Assignment, ...]
    never_started: tuple[Assignment, ...]


def recover(attempts: Path, means: Means) -> Recovered:
    """Read what is there, and decide about everything that was not decided yet.

    :raises OSError: when the directory cannot be read or a claim cannot be written.
    """
    started, never_started = [], []
    for path in sorted(attempts.iterdir(), key=_ended_at):
        if (assignment := _read(path, means)) is None:
            continue
        # Where nobody has claimed yet, this keeps a process that is about to start from starting.
        if assignment.attempt.claim("never") == "started":
            assignment.stage = Stage.RUNNING
            started.append(assignment)
        else:
            assignment.never_started = True
            never_started.append(assignment)
    return Recovered(tuple(started), tuple(never_started))


def _ended_at(path: Path) -> float:
    """Order by when they ended, so that they are reported in that order; running ones come last."""
    try:
        return (path / "result.json").stat().st_mtime
    except OSError:
        return float("inf")


def _read(path: Path, means: Means) -> Assignment | None:
    """Return the assignment of a directory; remove what is not one any more, or not yet."""
    if path.name.startswith("."):  # removed halfway, or a probe
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True) if path.is_file() else None
        return None
    try:
        UUID(path.name)
        attempt = AttemptDir(path)
        content = attempt.read("offer.json")
        if content is None and attempt.claimed() is None:
            attempt.remove()  # died before the offer was written: nothing was confirmed
            return None
        return Assignment(attempt, Offer.model_validate(content), means)
    except (ValueError, ValidationError) as error:
        logger.error(  # noqa: TRY400  the traceback says nothing the sentence does not
            "%s is no attempt directory that can be read (%s); it is left alone. Look at it, then remove it.",
            path,
            error,
            extra={"event": "attempt_unreadable"},
        )
        return None
