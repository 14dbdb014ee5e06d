"""Tokens: created by an admin, shown once, stored hashed, bounded in what they allow, rotated and revoked at will.

===========================================  ===========================================================
what if it dies here?                        what comes of it
===========================================  ===========================================================
created, and the answer is lost              a token nobody knows; rotate it, or revoke it
rotated, and the answer is lost              the secret before goes on for its overlap; rotate again
revoked, and the answer is lost              revoked; a repeat is fine
===========================================  ===========================================================
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Update, delete, exists, func, insert, or_, select, update

from airflow_plugin import clock
from airflow_plugin.errors import Invalid, NotFound, Unauthenticated
from airflow_plugin.models import AgentRow, SecretRow, TokenRow
from airflow_plugin.queue import events
from airflow_plugin.queue.allowances import Allowance, TokenKind, allow_address, allow_agent, allow_queues
from airflow_plugin.queue.enrolment import allow_enrolment
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.hash_keys import hash_keys
from airflow_plugin.queue.secrets import Secret, digest_of, is_whole, lookup_of, matches, new_secret
from edge_agent.protocol import NAME_PATTERN, AgentState
from edge_agent.protocol.secrets import AGENT_TOKEN, SUBMIT_TOKEN

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

OVERLAP_SECONDS = 86_400.0
"""How long a secret that was replaced still works: a day in which its hosts get the new one."""

LONGEST_OVERLAP_SECONDS = 31_536_000.0
LONGEST_DAYS = 36_500.0
"""A century: what is longer was not meant, and what is far longer no database can reckon with."""

_PREFIXES = {TokenKind.AGENT: AGENT_TOKEN, TokenKind.SUBMIT: SUBMIT_TOKEN}
_WORKS = TokenRow.revoked_at.is_(None) & or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > clock.now())


def create(
    session: Session,
    name: str,
    allowance: Allowance | None = None,
    *,
    expires_in_days: float | None = None,
    created_by: str | None = None,
    most: int | None = None,
) -> SecretStr:
    """Create a token and return its secret, which nobody can ever see again.

    ``allowance`` None registers any agent for any queue; ``expires_in_days`` None never expires; ``most``
    None is no limit on the number of tokens that work.

    :raises Invalid: for a bad name, a name in use, an age that is not positive, or one token too many.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        msg = f"{name!r} is not a name: letters, digits, '.', '_' and '-', at most 64 of them"
        raise Invalid(msg)
    if session.scalar(select(TokenRow.id).where(TokenRow.name == name)):
        msg = f"there is already a token named {name!r}; rotate it, or choose another name"
        raise Invalid(msg)
    _leave_room(session, most)
    allowance = allowance or Allowance()
    secret = new_secret(_PREFIXES[allowance.kind])
    values = {"created_at": clock.now(), "created_by": created_by, "expires_at": _expiry(expires_in_days)}
    token_id = uuid4()
    session.execute(insert(TokenRow).values(id=token_id, name=name, **values, **allowance.columns()))
    _keep(session, token_id, secret)
    return secret.value


def rotate(
    session: Session,
    name: str,
    *,
    overlap_seconds: float = OVERLAP_SECONDS,
    expires_in_days: float | None = None,
    most: int | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> SecretStr:
    """Give a token a new secret and return it. The secrets before work for ``overlap_seconds`` more, at most.

    Sessions go on, but for an overlap of 0: then whoever knows an old secret is out at once, and agents
    register anew with what their token files hold by then.

    :raises NotFound: when there is no such token.
    :raises Invalid: when it was revoked, a time makes no sense, or it had expired and there is no room for it.
    """
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        msg = (
            f"an overlap cannot be {overlap_seconds:g} seconds; give 0 to end the old secret at once, or at most "
            f"{LONGEST_OVERLAP_SECONDS:.0f} (a year)"
        )
        raise Invalid(msg)
    token = _named(session, name)
    if token.revoked_at is not None:
        msg = f"the token {name!r} was revoked, and stays so; create another one"
        raise Invalid(msg)
    now = session.scalars(select(clock.now())).one()
    if token.expires_at is not None and token.expires_at <= now:
        _leave_room(session, most)
    until = now + timedelta(seconds=overlap_seconds)
    for old in session.scalars(select(SecretRow).where(SecretRow.token_id == token.id)):
        ends = old.replaced_until or token.expires_at or until
        session.execute(_of(old.prefix).values(replaced_until=min(ends, until)))
    secret = new_secret(_PREFIXES[TokenKind(token.kind)])
    _keep(session, token.id, secret)
    _change(session, token.id, rotated_at=clock.now(), expires_at=_expiry(expires_in_days))
    if not overlap_seconds:
        text = f"The secret of its token {name!r} was replaced, without an overlap: its session has ended."
        end_sessions(session, token.id, text, by=by, reason=reason)
    return secret.value


def authenticate(
    session: Session, value: str, agent: str, queues: Sequence[str], address: str | None = None
) -> TokenRow:
    """Return the token an agent registers with, and note its use.

    :raises Unauthenticated: when it is unknown, expired or revoked (which of them is not told apart
        for somebody without the secret).
    :raises Forbidden: when it does not allow this agent, one of the queues, or the address.
    """
    token = working(session, value, TokenKind.AGENT)
    allow_address(token, address)
    allow_agent(token, agent)
    allow_queues(token, queues)
    allow_enrolment(session, token, agent)
    enrolled = {"enrolled_agent": agent} if token.one_time else {}
    _change(session, token.id, last_used_at=clock.now(), last_used_by=agent, last_used_address=address, **enrolled)
    return token


def require_form(value: str, kind: TokenKind) -> str:
    """Return the public part of what looks like a token of this kind. Asks no database, proves nothing.

    :raises Unauthenticated: when it is none, or not the whole of one.
    """
    lookup = lookup_of(value, _PREFIXES[kind]) if is_whole(value) else None
    if lookup is None:
        msg = f"This is no {kind} token, or not the whole of one ({_PREFIXES[kind]}_...). Copy it anew."
        raise Unauthenticated(msg)
    return lookup


def working(session: Session, value: str, kind: TokenKind, *, locked: bool = True) -> TokenRow:
    """Return the token of a secret that works.

    ``locked``: what is decided about it meanwhile waits, and then finds the session that is opened with it.

    :raises Unauthenticated: when it is unknown, expired, replaced or revoked.
    """
    lookup = require_form(value, kind)
    secret = session.scalar(select(SecretRow).where(SecretRow.prefix == lookup))
    if secret is None or not matches(value, secret.secret_hash):
        if secret is not None and not hash_keys().know(secret.secret_hash):
            log.warning("The token %s_... was stored under a Fernet key that is not there. Rotate it.", lookup)
        msg = f"This {kind} token is not known here. Check that it is the right one for this Airflow."
        raise Unauthenticated(msg)
    if secret.secret_hash != (newest := digest_of(value)):
        session.execute(_of(lookup).values(secret_hash=newest))
    over = (clock.now() > TokenRow.expires_at).label("over")
    replaced = (clock.now() > SecretRow.replaced_until).label("replaced")
    found = select(TokenRow, over, replaced).join(SecretRow, SecretRow.token_id == TokenRow.id)
    if locked:
        found = found.with_for_update(key_share=True)
    row = session.execute(found.where(SecretRow.prefix == lookup).execution_options(populate_existing=True)).one()
    token: TokenRow = row.TokenRow
    if token.revoked_at is not None:
        msg = f"The {kind} token {token.name!r} was revoked. Ask an admin for a new one."
        raise Unauthenticated(msg)
    if row.replaced:
        msg = f"This secret of the {kind} token {token.name!r} was replaced, and its time is over. Get the new one."
        raise Unauthenticated(msg)
    if row.over:
        msg = f"The {kind} token {token.name!r} has expired. Ask an admin to rotate it."
        raise Unauthenticated(msg)
    return token


def revoke(session: Session, name: str, *, by: str | None = None, reason: str | None = None) -> int:
    """Revoke a token and end the sessions it opened; return how many those were.

    :raises NotFound: when there is no such token. Revoking twice is fine.
    """
    token = _named(session, name)
    if token.revoked_at is None:
        _change(session, token.id, revoked_at=clock.now())
    text = f"Its token {name!r} was revoked: its session has ended."
    return end_sessions(session, token.id, text, by=by, reason=reason)


def end_sessions(
    session: Session, token_id: UUID, text: str, *, by: str | None = None, reason: str | None = None
) -> int:
    """Make the session tokens of a token's agents worthless; the reaper then finds these agents silent.

    ``text``: what to say to those who look at such an agent.
    """
    theirs = (AgentRow.token_id == token_id) & (AgentRow.state == AgentState.CONNECTED)
    found = select(AgentRow.name, AgentRow.session_hash).where(theirs).order_by(AgentRow.name).with_for_update()
    hashes = {row.name: row.session_hash for row in session.execute(found)}
    ended = update(AgentRow).where(AgentRow.name.in_(hashes)).values(session_hash=None)
    session.execute(ended.execution_options(synchronize_session=False))
    news = [name for name, session_hash in hashes.items() if session_hash is not None]
    events.record_all(session, EventKind.TOKEN_REVOKED, dict.fromkeys(news, text), by=by, reason=reason)
    return len(hashes)


def purge(session: Session, days: float) -> int:
    """Delete tokens that have not worked for so many days; return how many.

    One with an agent that is connected stays: its sessions could not be ended any more.
    """
    before = clock.in_seconds(-days * 86_400)
    in_use = exists().where(AgentRow.token_id == TokenRow.id, AgentRow.state == AgentState.CONNECTED)
    old = (TokenRow.revoked_at < before) | (TokenRow.expires_at < before)
    gone = delete(TokenRow).where(old, ~in_use).returning(TokenRow.id)
    return len(session.execute(gone.execution_options(synchronize_session=False)).all())


def listed(session: Session) -> list[TokenRow]:
    """Return every token, by name."""
    return list(session.scalars(select(TokenRow).order_by(TokenRow.name)))


def prefixes(session: Session) -> dict[UUID, str]:
    """Return the public part of the current secret of each token."""
    current = select(SecretRow.token_id, SecretRow.prefix).where(SecretRow.replaced_until.is_(None))
    return {row.token_id: row.prefix for row in session.execute(current)}


def _named(session: Session, name: str) -> TokenRow:
    found = select(TokenRow).where(TokenRow.name == name).with_for_update(key_share=True)
    token = session.scalar(found.execution_options(populate_existing=True))
    if token is None:
        msg = f"there is no token named {name!r}"
        raise NotFound(msg)
    return token


def _leave_room(session: Session, most: int | None) -> None:
    working = session.scalar(select(func.count()).select_from(TokenRow).where(_WORKS)) or 0
    if most is not None and working >= most:
        msg = f"there are {working} tokens, and [edge_agent] max_tokens allows {most}; revoke one, or raise it"
        raise Invalid(msg)


def _expiry(days: float | None) -> Any:
    if days is not None and not 0 < days <= LONGEST_DAYS:
        msg = f"a token cannot expire in {days} days; give a number above 0, and at most {LONGEST_DAYS:.0f}"
        raise Invalid(msg)
    return None if days is None else clock.in_seconds(days * 86_400)


def _keep(session: Session, token_id: UUID, secret: Secret) -> None:
    values = {"prefix": secret.lookup, "token_id": token_id, "secret_hash": secret.digest, "created_at": clock.now()}
    session.execute(insert(SecretRow).values(**values))


def _of(prefix: str) -> Update:
    return update(SecretRow).where(SecretRow.prefix == prefix).execution_options(synchronize_session=False)


def _change(session: Session, token_id: UUID, **values: Any) -> None:
    changed = update(TokenRow).where(TokenRow.id == token_id).values(**values)
    session.execute(changed.execution_options(synchronize_session=False))
