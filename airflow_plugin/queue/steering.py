"""What an admin decides about an agent: cordon, drain, stop, delete. It stands in the table until it is lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update

from airflow_plugin import clock
from airflow_plugin.errors import Invalid
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import assignments, events, jobs, samples
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.steps import agents_at_hand, lock, locked_agent
from airflow_plugin.queue.wording import how_long, so_many
from edge_agent.protocol import EndReason, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


LONGEST_SECONDS = 3_153_600_000.0
"""A century: what is longer was not meant, and what is far longer no database can reckon with."""

GRACE_SECONDS = 30.0
"""How long what runs on an agent that is to stop may go on."""

WHY_STOPPED = "Its agent is being stopped by an admin."


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
    expiry = None if expires_in_seconds is None else clock.in_seconds(expires_in_seconds)
    _steer(session, name, cordoned_at=clock.now(), cordoned_by=by, cordon_reason=reason, cordon_expires_at=expiry)
    span = "until it is uncordoned" if expires_in_seconds is None else f"for {how_long(expires_in_seconds)}"
    events.record(session, name, EventKind.CORDONED, f"Offered nothing new {span}.", by=by, reason=reason)


def uncordon(session: Session, name: str, *, by: str | None = None, reason: str | None = None) -> None:
    """Offer an agent work again. Ends a drain too.

    :raises NotFound: when there is no such agent.
    """
    agent = locked_agent(session, name)
    drained = agent.drain_requested_at is not None
    if agent.cordoned_at is not None or drained:
        text = "The drain is taken back: offered work again." if drained else "Offered work again."
        events.record(session, name, EventKind.UNCORDONED, text, by=by, reason=reason)
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
    deadline = None if deadline_seconds is None else clock.in_seconds(deadline_seconds)
    _steer(session, name, **_leaving(by, reason or "draining"), drain_deadline=deadline, stops_at=None)
    latest = "" if deadline_seconds is None else f", or in {how_long(deadline_seconds)}"
    text = f"Offered nothing new, and stops when its work is done{latest}."
    events.record(session, name, EventKind.DRAINING, text, by=by, reason=reason)


def stop(
    session: Session,
    name: str,
    *,
    by: str | None,
    reason: str | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Cordon an agent, cancel what still runs on it after the grace, and stop it when that has ended.

    :raises NotFound: when there is no such agent.
    :raises Invalid: when the grace is negative, or ends in no future anybody will see.
    """
    if not 0 <= grace_seconds <= LONGEST_SECONDS:
        msg = (
            f"a grace cannot be {grace_seconds:g} seconds; give 0 to end what runs at once, or at most "
            f"{LONGEST_SECONDS:.0f} (a century)"
        )
        raise Invalid(msg)
    end = clock.in_seconds(grace_seconds)
    _steer(session, name, **_leaving(by, reason or "stopping"), drain_deadline=None, stops_at=end)
    span = f"in {how_long(grace_seconds)}" if grace_seconds else "at once"
    text = f"Offered nothing new, and stops; what still runs is cancelled {span}."
    events.record(session, name, EventKind.STOPPING, text, by=by, reason=reason)


def _leaving(by: str | None, reason: str) -> dict[str, Any]:
    return {
        "cordoned_at": clock.now(),
        "cordoned_by": by,
        "cordon_reason": reason,
        "cordon_expires_at": None,
        "drain_requested_at": clock.now(),
    }


def cancel_overdue(session: Session) -> int:
    """Cancel what still runs on agents whose grace is over; return how many jobs were asked to end.

    In a transaction of its own: it takes agents, and then jobs.
    """
    over = select(AgentRow.name).where(AgentRow.stops_at <= clock.now())
    still = (JobRow.state == JobState.RUNNING) & JobRow.cancel_requested_at.is_(None)
    ids = session.scalars(select(JobRow.id).where(JobRow.agent_name.in_(over), still)).all()
    return jobs.cancel(session, ids, WHY_STOPPED)


def delete(session: Session, name: str, *, by: str | None = None, reason: str | None = None) -> tuple[int, int]:
    """Forget an agent: its running jobs fail as ``deleted``, its offers go back to the queue.

    A process that still runs under that name has to register anew and is told to kill what it holds.
    What happened to the agent is kept, how it was from minute to minute is not.

    :returns: how many jobs failed and how many offers went back.
    :raises NotFound: when there is no such agent.
    """
    locked_agent(session, name)
    mine = JobRow.agent_name == name
    lock(session, mine & assignments.OPEN)
    returned = assignments.expire(session, mine & (JobRow.state == JobState.OFFERED))
    running = mine & (JobRow.state == JobState.RUNNING)
    failed = assignments.lose(session, running, EndReason.DELETED, f"An admin deleted the agent {name!r}.")
    samples.forget(session, name)
    session.execute(delete_rows(AgentRow).where(AgentRow.name == name).execution_options(synchronize_session=False))
    text = f"Deleted: {so_many(failed, 'running job')} failed, {so_many(returned, 'offer')} went back to the queue."
    events.record(session, name, EventKind.DELETED, text, by=by, reason=reason)
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
    names = list(session.scalars(lifted))
    text = "The time of its cordon is over: offered work again."
    events.record_all(session, EventKind.CORDON_EXPIRED, dict.fromkeys(names, text))
    return names


def listed(session: Session) -> list[AgentRow]:
    """Return every agent, by name."""
    return list(session.scalars(select(AgentRow).order_by(AgentRow.name)))


def _steer(session: Session, name: str, **values: Any) -> None:
    locked_agent(session, name)
    changed = update(AgentRow).where(AgentRow.name == name).values(nudged=True, **values)
    session.execute(changed.execution_options(synchronize_session=False))
