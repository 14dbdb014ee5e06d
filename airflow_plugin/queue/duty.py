"""One of all API server processes has a duty, and keeps it while it lives: for what must not be done by several.

What if it dies here? The duty is free again once its time is over, and the next that asks has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.dialects import postgresql, sqlite

from airflow_plugin import clock
from airflow_plugin.models import DutyRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def take(session: Session, duty: str, holder: UUID, *, seconds: float) -> bool:
    """Take a duty for so long, or keep it; return whether ``holder`` has it. One statement, so that one wins."""
    # Both have the clause; their common base class has not.
    new: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    until = clock.in_seconds(seconds)
    taken = new(DutyRow).values(name=duty, holder=holder, held_until=until)
    is_free = or_(DutyRow.holder == holder, DutyRow.held_until < clock.now())
    taken = taken.on_conflict_do_update(
        index_elements=[DutyRow.name], set_={"holder": holder, "held_until": until}, where=is_free
    )
    return session.execute(taken.returning(DutyRow.name)).first() is not None
