"""What is to be told of a transaction once it stands, and not at all when it is rolled back.

The session may be ours or the scheduler's, whose commit is not ours to see.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from sqlalchemy.orm import SessionTransaction

log = logging.getLogger(__name__)

_KEY = "edge_agent.after_commit"


def after_commit(session: Session, tell: Callable[[], None]) -> None:
    """Call ``tell`` when what this session does now is committed."""
    _listen()
    session.info.setdefault(_KEY, []).append((session.get_nested_transaction(), tell))


@cache
def _listen() -> None:
    """Begin to hear of commits: only in a process that has something to tell."""
    event.listen(Session, "after_commit", _committed)
    event.listen(Session, "after_soft_rollback", _rolled_back)


def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: what is around it may be rolled back yet
    for _, tell in session.info.pop(_KEY, ()):
        try:
            tell()
        except Exception:
            # The outer edge of what is only told: what was committed stands, and so does whoever committed it.
            log.exception("Could not tell of a committed transaction")


def _rolled_back(session: Session, previous: SessionTransaction) -> None:
    noted: list[tuple[SessionTransaction | None, Any]] = session.info.pop(_KEY, [])
    if previous.nested and (kept := [each for each in noted if each[0] is not previous]):
        session.info[_KEY] = kept
