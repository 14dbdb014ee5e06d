"""Sessions: whose a request is, and the token a session goes on with.

A token lives for an hour, judged by the database's clock. From half of its life on each beat is answered with
the next one, which is derived from the one that was shown and a number that only the row has: a repeat gets
the same, and nobody who has but one of the two can tell it.

===========================================  ===========================================================
what if it dies here?                        what comes of it
===========================================  ===========================================================
the next token is stored, the answer lost    the next beat gets the same; the one before goes on
a beat has shown it, and its answer is lost  it is the session's now; the one before is over
nobody came for the next one in time         the session is over; the agent registers, and its jobs go on
===========================================  ===========================================================
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import ColumnElement, or_, select, update

from airflow_plugin import clock
from airflow_plugin.config import LEAST_BEATS
from airflow_plugin.errors import SessionEnded, Superseded, Unauthenticated
from airflow_plugin.models import AgentRow
from airflow_plugin.queue.secrets import Secret, derived_secret, digests_of, matches, new_secret
from edge_agent.protocol import AgentState
from edge_agent.protocol.secrets import SESSION_TOKEN

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class SessionRef:
    """What a request shows of its session.

    That the key made the request is proven; nothing else is, before a statement compares it.
    """

    id: UUID
    value: SecretStr
    host_key: str


def opened(token_seconds: float) -> tuple[UUID, Secret, dict[str, Any]]:
    """Return a new session: its id, its token, and what is stored of it."""
    session_id = uuid4()
    secret = new_secret(SESSION_TOKEN, session_id.hex)
    return session_id, secret, {"session_id": session_id, **_token_columns(secret.digest, token_seconds)}


def expiry(token_seconds: float, heartbeat_seconds: float | None) -> ColumnElement[Any]:
    """Return when a token of now is over, of an agent with its own interval or, None, with the usual one."""
    return clock.in_seconds(_life_seconds(token_seconds, heartbeat_seconds))


def is_current(ref: SessionRef) -> ColumnElement[bool]:
    """Return the guard of a statement that only the host with a current session may have run."""
    digests = digests_of(ref.value.get_secret_value())
    next_one = AgentRow.session_hash.is_not(None) & AgentRow.next_session_hash.in_(digests)
    return (
        (AgentRow.session_id == ref.id)
        & or_(AgentRow.session_hash.in_(digests), next_one)
        & (AgentRow.host_key == ref.host_key)
        & (AgentRow.state == AgentState.CONNECTED)
        & (AgentRow.session_expires_at > clock.now())
    )


def authenticate(session: Session, ref: SessionRef) -> AgentRow:
    """Return the agent whose current session this is.

    :raises Superseded: when another process registered the name since.
    :raises SessionEnded: when the session is not current any more, or the token is not the session's.
    :raises Unauthenticated: when it is another host's.
    """
    is_over = (AgentRow.session_expires_at <= clock.now()).label("is_over")
    row = session.execute(select(AgentRow, is_over).where(AgentRow.session_id == ref.id)).one_or_none()
    if row is None or not _is_token_of(ref, row.AgentRow):
        raise _ended(session, ref.id)
    agent: AgentRow = row.AgentRow
    if agent.host_key != ref.host_key:
        msg = "This session belongs to another host's key. A copied token is of no use: register from this host."
        raise Unauthenticated(msg)
    if agent.state != AgentState.CONNECTED:
        msg = f"The agent is {agent.state}: it was not heard from in time. Register again."
        raise SessionEnded(msg)
    if row.is_over:
        msg = "The token of this session has expired, and no beat has come for the next one. Register again."
        raise SessionEnded(msg)
    return agent


def next_token(session: Session, ref: SessionRef, agent: AgentRow, token_seconds: float) -> SecretStr | None:
    """Return the token an agent goes on with; None while the one it showed is good for longer.

    ``agent``: as a beat has just left it, locked. When that showed the next token, it is the session's from now on.
    """
    value = ref.value.get_secret_value()
    life_seconds = _life_seconds(token_seconds, agent.heartbeat_seconds)
    if matches(value, agent.next_session_hash):
        _keep(session, agent.name, **_token_columns(agent.next_session_hash, life_seconds))
        return None
    assert agent.session_expires_at is not None  # noqa: S101  is_current has compared it
    assert agent.session_seed is not None  # noqa: S101  the two are written together
    if agent.session_expires_at - agent.last_seen_at > timedelta(seconds=life_seconds / 2):
        return None
    following = derived_secret(SESSION_TOKEN, ref.id.hex, agent.session_seed, value)
    if not matches(following.value.get_secret_value(), agent.next_session_hash):
        _keep(session, agent.name, next_session_hash=following.digest)
    return following.value


def _is_token_of(ref: SessionRef, agent: AgentRow) -> bool:
    value = ref.value.get_secret_value()
    is_next = agent.session_hash is not None and matches(value, agent.next_session_hash)
    return matches(value, agent.session_hash) or is_next


def _ended(session: Session, session_id: UUID) -> SessionEnded:
    """Return the error for a session that is not current, telling apart whether somebody else took the name."""
    after = session.scalar(select(AgentRow).where(AgentRow.previous_session_id == session_id))
    if after is not None and after.previous_instance != after.instance and after.state == AgentState.CONNECTED:
        msg = f"Another process, on host {after.hostname}, registered as {after.name!r}. Stop one, or rename it."
        return Superseded(msg)
    msg = "This session has ended: a newer one began, its token was revoked, or the agent was deleted. Register again."
    return SessionEnded(msg)


def _life_seconds(token_seconds: float, heartbeat_seconds: float | None) -> float:
    return max(token_seconds, LEAST_BEATS * (heartbeat_seconds or 0.0))


def _token_columns(digest: str | None, life_seconds: float) -> dict[str, Any]:
    return {
        "session_hash": digest,
        "session_seed": secrets.token_hex(16),
        "session_expires_at": clock.in_seconds(life_seconds),
        "next_session_hash": None,
    }


def _keep(session: Session, name: str, **values: Any) -> None:
    session.execute(
        update(AgentRow).where(AgentRow.name == name).values(**values).execution_options(synchronize_session=False)
    )
