"""Agents: they register, they are heard from, they leave; what an admin decides about them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from airflow_plugin import clock
from airflow_plugin.errors import Forbidden, SessionEnded
from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import arrivals, assignments, events, host_keys, sessions
from airflow_plugin.queue.agent_settings import foreign_queues
from airflow_plugin.queue.callees import AGENT_NAME
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.secrets import Secret
from airflow_plugin.queue.sessions import SessionRef
from airflow_plugin.queue.steps import lock
from airflow_plugin.queue.wording import so_many
from edge_agent.protocol import AgentState, Beat, Directives, JobState, Registration

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

KIND = "kind."
OURS = (KIND, "agent.")
"""What the server's own capabilities begin with."""


@dataclass(frozen=True)
class Registered:
    """A new session: its secret, and what holds for the agent now."""

    session_id: UUID
    secret: Secret
    agent: AgentRow
    directives: Directives


def register(
    session: Session,
    name: str,
    asked: Registration,
    *,
    token: TokenRow,
    host_key: str,
    address: str | None,
    version: int,
    token_seconds: float,
) -> Registered:
    """Open a session for an agent and end the one before, whatever it was doing.

    ``host_key``: of whom the request is proven to come from. ``token_seconds``: how long a session token lives.

    What the agent does not hold any more is settled here: offers go back, what never started goes
    back, running jobs it has lost fail.

    :raises Forbidden: when the name belongs to an agent of another team.
    :raises HostMismatch: when it belongs to another host.
    """
    session_id, secret, opened = sessions.opened(token_seconds)
    values: dict[str, Any] = {
        "team_name": token.team_name,
        "token_id": token.id,
        "state": AgentState.CONNECTED,
        "host_key": host_key,
        "instance": asked.instance,
        "registered_at": clock.now(),
        "last_seen_at": clock.now(),
        "beat": 0,
        "hostname": asked.hostname,
        "address": address,
        "protocol_version": version,
        "queues": list(asked.queues),
        "capabilities": capabilities_of(name, asked),
        "versions": asked.versions.model_dump(),
        "slots": asked.slots,
        "free_slots": asked.slots,
        "figures": None,
        **opened,
    }
    agent = _locked(session, name, values)
    if agent.team_name != token.team_name:
        msg = f"The name {name!r} belongs to an agent of another team. Choose another name."
        raise Forbidden(msg)
    if agent.session_id != session_id:
        values |= host_keys.pin(session, agent, host_key)
        values |= {"previous_session_id": agent.session_id, "previous_instance": agent.instance}
        values |= {"session_expires_at": sessions.expiry(token_seconds, agent.heartbeat_seconds)}
        if foreign_queues(agent.queues_override, asked.queues):
            values["queues_override"] = None
        arrivals.note(session, agent, values, token)
        _update(session, name, **values)
        session.refresh(agent)
    else:
        arrivals.note_new(session, agent)
    holding = _take_over(session, name, session_id, asked)
    return Registered(session_id, secret, agent, directives_of(session, agent, holding))


def _locked(session: Session, name: str, values: dict[str, Any]) -> AgentRow:
    """Return the agent's row, locked: a new one with these values, or the one that is there, as it is.

    One statement, because the same name may be registered twice, or deleted, at this moment.
    """
    # Both have the clause; their common base class has not.
    new: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    mine = new(AgentRow).values(name=name, **values)
    mine = mine.on_conflict_do_update(index_elements=[AgentRow.name], set_={"name": name}).returning(AgentRow)
    agent: AgentRow = session.scalars(mine.execution_options(populate_existing=True)).one()
    return agent


def capabilities_of(name: str, asked: Registration) -> dict[str, Any]:
    """Return the advertised capabilities and what the server itself puts beside them.

    That is the agent's name as ``agent.name``, and the kinds of job it takes, as ``kind.task`` = true: by these it
    is found, so that what an agent says under such names counts for nothing.
    """
    kinds = {f"kind.{kind.value}": True for kind in asked.kinds}
    return {**_advertised(asked.capabilities), **kinds, AGENT_NAME: name}


def _take_over(session: Session, name: str, session_id: UUID, asked: Registration) -> assignments.Holding:
    mine = JobRow.agent_name == name
    lock(session, mine & assignments.OPEN)
    assignments.expire(session, mine & (JobRow.state == JobState.OFFERED))
    if asked.never_started:
        assignments.release(session, mine & JobRow.assignment_id.in_(asked.never_started))
    return assignments.compare_held(session, agent=name, session_id=session_id, held=set(asked.held), beat=0)


@dataclass(frozen=True)
class Heard:
    """An agent as it stands after it was heard from."""

    name: str
    session_id: UUID
    team_name: str | None
    queues: tuple[str, ...]
    capabilities: dict[str, Any]
    slots: int
    directives: Directives
    may_take_work: bool
    seen_at: datetime
    nudged: bool
    """Whether something was decided about it that it had not been told yet; it is told now."""
    next_token: SecretStr | None = None


def hear(session: Session, ref: SessionRef, beat: Beat, *, token_seconds: float) -> Heard:
    """Renew an agent by a beat, compare what it holds, and tell it what is wanted of it.

    One statement authenticates and renews; for an agent that holds nothing there is no other. A beat
    that a newer one overtook renews, but what it says of jobs is old news and mends nothing. Once in half of the
    life of its token, ``token_seconds``, the agent is told the next one.

    :raises SessionEnded: when the session is not current any more.
    :raises Unauthenticated: when it is another host's.
    """
    values: dict[str, Any] = {
        "last_seen_at": clock.now(),
        "free_slots": beat.free_slots,
        "beat": case((AgentRow.beat < beat.number, beat.number), else_=AgentRow.beat),
    }
    said = {"health": beat.health and beat.health.model_dump(mode="json"), "figures": beat.figures}
    values |= {name: value for name, value in said.items() if value is not None}
    holds = select(func.count()).where(JobRow.agent_name == AgentRow.name, assignments.OPEN)
    renewed = session.execute(
        update(AgentRow)
        .where(sessions.is_current(ref))
        .values(**values)
        .returning(AgentRow, holds.correlate(AgentRow).scalar_subquery())
        .execution_options(synchronize_session=False, populate_existing=True)
    ).first()
    if renewed is None:
        sessions.authenticate(session, ref)  # says which of the three it was
        msg = "This session has ended. Register again."
        raise SessionEnded(msg)
    agent, open_jobs = renewed
    next_token = sessions.next_token(session, ref, agent, token_seconds)
    if nudged := agent.nudged:
        _update(session, agent.name, nudged=False)
    if (capabilities := _renewed_capabilities(agent, beat.capabilities)) is not None:
        agent.capabilities = capabilities
        _update(session, agent.name, capabilities=capabilities)
    holding = assignments.Holding()
    if agent.beat > beat.number:
        holding = assignments.Holding(cancel=assignments.to_cancel(session, agent.name))
    elif open_jobs or beat.held:
        holding = assignments.compare_held(
            session, agent=agent.name, session_id=ref.id, held=set(beat.held), beat=beat.number
        )
    return replace(standing(session, agent, holding, nudged=nudged), next_token=next_token)


def _advertised(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in capabilities.items() if not name.startswith(OURS)}


def _renewed_capabilities(agent: AgentRow, advertised: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what an agent is capable of by a beat, None when it is what it was.

    One that registered with a server of the release before has no name among them, and is given it here.
    """
    if advertised is None and agent.capabilities.get(AGENT_NAME) == agent.name:
        return None
    own = {name: value for name, value in agent.capabilities.items() if name.startswith(KIND)}
    return {**_advertised(agent.capabilities if advertised is None else advertised), **own, AGENT_NAME: agent.name}


def standing(session: Session, agent: AgentRow, holding: assignments.Holding, *, nudged: bool = False) -> Heard:
    """Return an agent as it stands, with the directives that hold."""
    assert agent.session_id is not None  # noqa: S101  a connected agent has one: connected_has_session
    directives = directives_of(session, agent, holding)
    return Heard(
        name=agent.name,
        session_id=agent.session_id,
        team_name=agent.team_name,
        queues=tuple(agent.queues_override or agent.queues),
        capabilities=agent.capabilities,
        slots=agent.slots_override or agent.slots,
        directives=directives,
        may_take_work=not (directives.cordoned or directives.drain),
        seen_at=agent.last_seen_at,
        nudged=nudged,
    )


def directives_of(session: Session, agent: AgentRow, holding: assignments.Holding) -> Directives:
    """Return what the server wants of an agent now, judged by the database's clock."""
    cordoned, reason = agent.cordoned_at is not None, agent.cordon_reason
    seconds_left = None
    if agent.cordon_expires_at is not None or agent.drain_deadline is not None:
        row = session.execute(select(clock.now().label("now"))).one()
        if agent.cordon_expires_at is not None and agent.cordon_expires_at < row.now:
            cordoned, reason = False, None
        if agent.drain_deadline is not None:
            seconds_left = max(0.0, (agent.drain_deadline - row.now).total_seconds())
    return Directives(
        cordoned=cordoned,
        cordon_reason=reason,
        drain=agent.drain_requested_at is not None,
        drain_seconds_left=seconds_left,
        cancel=holding.cancel,
        drop=holding.drop,
        slots=agent.slots_override,
        queues=tuple(agent.queues_override) if agent.queues_override else None,
        host_conflict=host_keys.conflict_of(agent),
    )


def refresh(session: Session, ref: SessionRef) -> Heard:
    """Return an agent as it stands, without renewing it: something was decided, or this replica never met it.

    :raises SessionEnded: as :func:`~airflow_plugin.queue.sessions.authenticate`.
    """
    agent = sessions.authenticate(session, ref)
    if nudged := agent.nudged:
        # Read as it is at this moment: what was decided since the line above is not to be hushed up.
        heard = update(AgentRow).where(AgentRow.name == agent.name).values(nudged=False).returning(AgentRow)
        options = {"synchronize_session": False, "populate_existing": True}
        agent = session.scalars(heard.execution_options(**options)).one()
    holding = assignments.Holding(cancel=assignments.to_cancel(session, agent.name))
    return standing(session, agent, holding, nudged=nudged)


def leave(session: Session, agent: AgentRow) -> None:
    """End a session in order: offers go back at once, running jobs wait for the agent to return.

    An agent that leaves while jobs of its survive on the host (a handover) stays ``connected`` for
    the reaper, which loses them after the same silence as any other's if nobody comes back for them.

    :raises SessionEnded: when a newer session has begun since: it is not this one's to end.
    """
    ended = update(AgentRow).where(AgentRow.name == agent.name, AgentRow.session_id == agent.session_id)
    ended = ended.values(session_hash=None, free_slots=0).returning(AgentRow.name)
    if session.execute(ended.execution_options(synchronize_session=False)).first() is None:
        msg = "This session has ended already: a newer one began."
        raise SessionEnded(msg)
    mine = JobRow.agent_name == agent.name
    lock(session, mine & assignments.OPEN)
    assignments.expire(session, mine & (JobRow.state == JobState.OFFERED))
    running = session.scalar(select(func.count()).where(mine, JobRow.state == JobState.RUNNING))
    if not running:
        _update(session, agent.name, state=AgentState.OFFLINE, session_id=None)
    text = f"Left, with {so_many(running, 'job')} going on on its host for its next start." if running else "Left."
    events.record(session, agent.name, EventKind.LEFT, text)


def _update(session: Session, name: str, **values: Any) -> None:
    session.execute(
        update(AgentRow).where(AgentRow.name == name).values(**values).execution_options(synchronize_session=False)
    )
