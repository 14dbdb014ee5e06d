"""Slots and queues that an admin gives an agent at run time. They stand in the table until they are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Override:
    """What an agent is to have instead of what it is configured with; None: as it is configured on its host."""

    slots: int | None
    queues: Sequence[str] | None


def change(session: Session, name: str, wanted: Override, *, by: str | None, reason: str | None = None) -> None:
    """Give an agent other slots and queues, from its next directives on.

    :raises NotFound: when there is no such agent.
    :raises Forbidden: when its token does not allow one of the queues.
    """
    raise NotImplementedError
