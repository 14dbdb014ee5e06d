"""Agent tokens: created by an admin, shown once, stored hashed, revoked at will."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from airflow_plugin import clock
from airflow_plugin.errors import Forbidden, Invalid, NotFound, Unauthenticated
from airflow_plugin.models import AgentRow, TokenRow
from airflow_plugin.queue.secrets import AGENT_TOKEN, lookup_of, matches, new_secret
from edge_agent.protocol import NAME_PATTERN, AgentState

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy.orm import Session


MAX_TEAM = 50


def create(
    session: Session,
    name: str,
    *,
    queues: Sequence[str] | None = None,
    team: str | None = None,
    expires_in_days: float | None = None,
    created_by: str | None = None,
) -> SecretStr:
    """Create a token and return its secret, which nobody can ever see again.

    ``queues`` None allows every queue; ``expires_in_days`` None never expires.

    :raises Invalid: for a bad name, a name in use, a bad queue name, no queue, or an age that is not positive.
    """
    if queues is not None and not queues:
        msg = "a token that allows no queue lets nobody in; name one, or none to allow every queue"
        raise Invalid(msg)
    for word in (name, *(queues or ())):
        if not re.fullmatch(NAME_PATTERN, word):
            msg = f"{word!r} is not a name: letters, digits, '.', '_' and '-', at most 64 of them"
            raise Invalid(msg)
    if team is not None and len(team) > MAX_TEAM:
        msg = f"no team has a name of {len(team)} characters; Airflow allows {MAX_TEAM}"
        raise Invalid(msg)
    if expires_in_days is not None and expires_in_days <= 0:
        msg = f"a token cannot expire in {expires_in_days} days; give a number above 0"
        raise Invalid(msg)
    if session.scalar(select(TokenRow.id).where(TokenRow.name == name)):
        msg = f"there is already a token named {name!r}; revoke it or choose another name"
        raise Invalid(msg)
    secret = new_secret(AGENT_TOKEN)
    session.execute(
        insert(TokenRow).values(
            id=uuid4(),
            name=name,
            prefix=secret.lookup,
            secret_hash=secret.digest,
            queues=list(queues) if queues is not None else None,
            team_name=team,
            created_at=clock.now(),
            created_by=created_by,
            expires_at=None if expires_in_days is None else clock.in_seconds(expires_in_days * 86_400),
        )
    )
    return secret.value


def authenticate(session: Session, value: str, agent: str, queues: Sequence[str]) -> TokenRow:
    """Return the token an agent registers with, and note its use.

    :raises Unauthenticated: when it is unknown, expired or revoked (which of them is not told apart
        for somebody without the secret).
    :raises Forbidden: when it does not allow one of the queues.
    """
    lookup = lookup_of(value, AGENT_TOKEN)
    row = session.scalar(select(TokenRow).where(TokenRow.prefix == lookup)) if lookup else None
    if row is None or not matches(value, row.secret_hash):
        msg = "This agent token is not known here. Check that it was copied whole, and for this Airflow."
        raise Unauthenticated(msg)
    if row.revoked_at is not None:
        msg = f"The agent token {row.name!r} was revoked. Ask an admin for a new one."
        raise Unauthenticated(msg)
    if row.expires_at is not None and session.scalar(select(clock.now() > row.expires_at)):
        msg = f"The agent token {row.name!r} has expired. Ask an admin for a new one."
        raise Unauthenticated(msg)
    if denied := sorted(set(queues) - set(row.queues)) if row.queues is not None else []:
        allowed = ", ".join(row.queues or [])
        msg = f"The agent token {row.name!r} does not allow queue {', '.join(denied)}; it allows {allowed}."
        raise Forbidden(msg)
    session.execute(
        update(TokenRow)
        .where(TokenRow.id == row.id)
        .values(last_used_at=clock.now(), last_used_by=agent)
        .execution_options(synchronize_session=False)
    )
    return row


def revoke(session: Session, name: str) -> int:
    """Revoke a token and end the sessions it opened; return how many those were.

    :raises NotFound: when there is no such token. Revoking twice is fine.
    """
    row = session.scalar(select(TokenRow).where(TokenRow.name == name))
    if row is None:
        msg = f"there is no token named {name!r}"
        raise NotFound(msg)
    session.execute(
        update(TokenRow)
        .where(TokenRow.id == row.id, TokenRow.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return end_sessions(session, row.id)


def end_sessions(session: Session, token_id: UUID) -> int:
    """Make the session tokens of a token's agents worthless; the reaper then finds these agents silent."""
    theirs = (AgentRow.token_id == token_id) & (AgentRow.state == AgentState.CONNECTED)
    names = session.scalars(select(AgentRow.name).where(theirs).order_by(AgentRow.name).with_for_update()).all()
    ended = (
        update(AgentRow)
        .where(AgentRow.name.in_(names))
        .values(session_hash=None)
        .returning(AgentRow.name)
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(ended).all())


def listed(session: Session) -> list[TokenRow]:
    """Return every token, by name."""
    return list(session.scalars(select(TokenRow).order_by(TokenRow.name)))
