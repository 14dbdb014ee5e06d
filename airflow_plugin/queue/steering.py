"""What an admin decides about an agent: cordon, drain, delete. It stands in the table until it is lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update

from airflow_plugin import clock
from airflow_plugin.errors import Invalid, NotFound
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments
from airflow_plugin.queue.steps import agents_at_hand, lock
from edge_agent.protocol import EndReason, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


LONGEST_SECONDS = 3_153_600_000.0
"""A century: what is longer was not meant, and what is far longer no database can reckon with."""

GRACE_SECONDS = 30.0
"""How long what runs on an agent that is to stop may go on."""


def cordon(
    session: Session,
    name: str,
    *,
    by: str | None,
    reason: str | None = None,
    expires_in_seconds: float | None = None,
) -> None:
    """Offer an agent nothing new. Running work goes on. Cordoning again replaces reason and expiry.

    :raises NotFound: when there is no such agent.
    :raises Invalid: when the expiry is not in the future, or in no future anybody will see.
    """
    if expires_in_seconds is not None and not 0 < expires_in_seconds <= LONGEST_SECONDS:
        msg = (
            f"a cordon cannot expire in {expires_in_seconds:g} seconds; give a number above 0, and at most "
            f"{LONGEST_SECONDS:.0f} (a century), or none for no expiry"
        )
        raise Invalid(msg)
    _steer(
        session,
        name,
        cordoned_at=clock.now(),
        cordoned_by=by,
        cordon_reason=reason,
        cordon_expires_at=None if expires_in_seconds is None else clock.in_seconds(expires_in_seconds),
    )


def uncordon(session: Session, name: str, *, by: str | None = None, reason: str | None = None) -> None:  # noqa: ARG001
    """Offer an agent work again. Ends a drain too.

    :raises NotFound: when there is no such agent.
    """
    _steer(session, name, **_OPEN)


def drain(
    session: Session, name: str, *, by: str | None, reason: str | None = None, deadline_seconds: float | None = None
) -> None:
    """Cordon an agent and stop it when its work is done or the deadline passes.

    :raises NotFound: when there is no such agent.
    :raises Invalid: when the deadline is not in the future, or in no future anybody will see.
    """
    if deadline_seconds is not None and not 0 < deadline_seconds <= LONGEST_SECONDS:
        msg = (
            f"a drain cannot end in {deadline_seconds:g} seconds; give a number above 0, and at most "
            f"{LONGEST_SECONDS:.0f} (a century), or none to wait for ever"
        )
        raise Invalid(msg)
    _steer(
        session,
        name,
        cordoned_at=clock.now(),
        cordoned_by=by,
        cordon_reason=reason or "draining",
        cordon_expires_at=None,
        drain_requested_at=clock.now(),
        drain_deadline=None if deadline_seconds is None else clock.in_seconds(deadline_seconds),
        stops_at=None,
    )


def stop(
    session: Session,
    name: str,
    *,
    by: str | None,
    reason: str | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Cordon an agent, end what still runs on it after the grace, and stop it.

    :raises NotFound: when there is no such agent.
    :raises Invalid: when the grace is negative, or ends in no future anybody will see.
    """
    if not 0 <= grace_seconds <= LONGEST_SECONDS:
        msg = f"a grace cannot be {grace_seconds:g} seconds; give 0, or at most {LONGEST_SECONDS:.0f} (a century)"
        raise Invalid(msg)
    _steer(
        session,
        name,
        cordoned_at=clock.now(),
        cordoned_by=by,
        cordon_reason=reason or "stopping",
        cordon_expires_at=None,
        drain_requested_at=clock.now(),
        drain_deadline=None,
        stops_at=clock.in_seconds(grace_seconds),
    )


def delete(session: Session, name: str, *, by: str | None = None, reason: str | None = None) -> tuple[int, int]:  # noqa: ARG001
    """Forget an agent: its running jobs fail as ``deleted``, its offers go back to the queue.

    A process that still runs under that name has to register anew and is told to kill what it holds.

    :returns: how many jobs failed and how many offers went back.
    :raises NotFound: when there is no such agent.
    """
    if session.scalar(select(AgentRow.name).where(AgentRow.name == name).with_for_update()) is None:
        raise _no_such(name)
    mine = JobRow.agent_name == name
    lock(session, mine & assignments.OPEN)
    returned = assignments.expire(session, mine & (JobRow.state == JobState.OFFERED))
    running = mine & (JobRow.state == JobState.RUNNING)
    failed = assignments.lose(session, running, EndReason.DELETED, f"An admin deleted the agent {name!r}.")
    session.execute(delete_rows(AgentRow).where(AgentRow.name == name).execution_options(synchronize_session=False))
    return failed, returned


_OPEN: dict[str, Any] = {
    "cordoned_at": None,
    "cordoned_by": None,
    "cordon_reason": None,
    "cordon_expires_at": None,
    "drain_requested_at": None,
    "drain_deadline": None,
    "stops_at": None,
}


def lift_expired(session: Session) -> list[str]:
    """Lift the cordons whose time is over; return whose. Drains do not expire: they end the agent."""
    over = (AgentRow.cordon_expires_at < clock.now()) & AgentRow.drain_requested_at.is_(None)
    lifted = (
        update(AgentRow)
        .where(agents_at_hand(over))
        .values(nudged=True, **_OPEN)
        .returning(AgentRow.name)
        .execution_options(synchronize_session=False)
    )
    return list(session.scalars(lifted))


def listed(session: Session) -> list[AgentRow]:
    """Return every agent, by name."""
    return list(session.scalars(select(AgentRow).order_by(AgentRow.name)))


def _steer(session: Session, name: str, **values: Any) -> None:
    changed = session.execute(
        update(AgentRow)
        .where(AgentRow.name == name)
        .values(nudged=True, **values)
        .returning(AgentRow.name)
        .execution_options(synchronize_session=False)
    )
    if changed.first() is None:
        raise _no_such(name)


def _no_such(name: str) -> NotFound:
    return NotFound(f"there is no agent named {name!r}")
