"""Host keys: the first registration under a name pins one, and another host that asks for the name is seen.

===========================================  ===========================================================
what if it dies here?                        what comes of it
===========================================  ===========================================================
a key is pinned, and the answer is lost      the same host registers again, with the same key
refused, before the conflict is noted        the refused one asks again when it is started again
re-enrolment allowed, the answer is lost     it is allowed; a repeat is fine, and lasts from then on
===========================================  ===========================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, select, update

from airflow_plugin import clock
from airflow_plugin.errors import HostMismatch, Invalid, NotFound
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import events
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.wording import how_long
from edge_agent.protocol import HostConflict

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RE_ENROL_SECONDS = 86_400.0
"""How long another host may take a name over that an admin has opened: a day in which somebody gets to it."""

NONE: dict[str, Any] = {
    "host_conflicts": 0,
    "host_conflict_at": None,
    "host_conflict_hostname": None,
    "host_conflict_address": None,
}
"""No conflict, in columns."""


def pin(session: Session, agent: AgentRow, host_key: str) -> dict[str, Any]:
    """Return what to store so that an agent is this host's. Its row must be locked.

    :raises HostMismatch: when it is another's, and no admin has opened it.
    """
    if agent.host_key == host_key:
        return {}
    is_open = select(AgentRow.re_enrol_until > clock.now()).where(AgentRow.name == agent.name)
    if not session.scalar(is_open):
        msg = (
            f"The name {agent.name!r} belongs to another host: this one's key is not the one it was enrolled with. "
            f"If this host is to take its place, an admin lets it: airflow edge-agent agents re-enrol {agent.name}. "
            "If not, give this agent a name and a token of its own."
        )
        raise HostMismatch(msg)
    return {"host_key": host_key, "re_enrol_until": None, **NONE}


def note_conflict(session: Session, name: str, *, hostname: str, address: str | None) -> bool:
    """Note that another host has asked for a name, for the admin and the agent itself; return whether that is news.

    A service manager may start the refused one for ever: that is one conflict, and the agent's poll is not woken
    for each of its tries.
    """
    noted = (
        update(AgentRow)
        .where(AgentRow.name == name)
        .values(
            host_conflicts=AgentRow.host_conflicts + 1,
            host_conflict_at=clock.now(),
            host_conflict_hostname=hostname,
            host_conflict_address=address,
            nudged=case((AgentRow.host_conflicts == 0, True), else_=AgentRow.nudged),
        )
        .returning(AgentRow.host_conflicts)
        .execution_options(synchronize_session=False)
    )
    is_news = session.scalar(noted) == 1
    if is_news:
        where = f"Host {hostname!r}" + (f" at {address}" if address else "")
        text = f"{where} asked for the name, with another host's key, and was refused."
        events.record(session, name, EventKind.HOST_CONFLICT, text)
    return is_news


def conflict_of(agent: AgentRow) -> HostConflict | None:
    """Return the conflict that stands, if one does."""
    if agent.host_conflict_at is None:
        return None
    return HostConflict(
        hostname=agent.host_conflict_hostname or "",
        address=agent.host_conflict_address,
        times=agent.host_conflicts,
        latest=agent.host_conflict_at,
    )


def dismiss_conflict(session: Session, name: str) -> None:
    """Forget a conflict. The next one is told again.

    :raises NotFound: when there is no such agent.
    """
    _change(session, name, nudged=True, **NONE)


def re_enrol(
    session: Session,
    name: str,
    *,
    by: str | None = None,
    reason: str | None = None,
    within_seconds: float = RE_ENROL_SECONDS,
) -> None:
    """Let the next other host that registers under a name have it, with a token that allows it.

    The host that has it now goes on until then, and may register meanwhile: whether it is still there is nothing
    an admin has to know.

    :raises NotFound: when there is no such agent.
    :raises Invalid: when the time is not in the future.
    """
    if within_seconds <= 0:
        msg = f"another host cannot register within {within_seconds:g} seconds; give a number above 0"
        raise Invalid(msg)
    _change(session, name, nudged=True, re_enrol_until=clock.in_seconds(within_seconds), **NONE)
    text = f"Another host may take the name over within {how_long(within_seconds)}."
    events.record(session, name, EventKind.RE_ENROL, text, by=by, reason=reason)


def _change(session: Session, name: str, **values: Any) -> None:
    changed = update(AgentRow).where(AgentRow.name == name).values(**values).returning(AgentRow.name)
    if session.execute(changed.execution_options(synchronize_session=False)).first() is None:
        msg = f"there is no agent named {name!r}"
        raise NotFound(msg)
