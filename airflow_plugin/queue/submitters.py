"""Those who submit commands, by their token: what it allows is asked with every request.

What if it dies here? Nothing but the time of the last use is written, and that is written again a minute later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from airflow_plugin import clock
from airflow_plugin.errors import Forbidden
from airflow_plugin.models import TokenRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import TokenKind, allow_address
from edge_agent.protocol.commands import SubmitRights

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOTED_SECONDS = 60.0
"""How old the time of a token's last use may be. Hundreds of watches a minute must not each write it."""


def authenticate(session: Session, value: str, address: str | None = None) -> TokenRow:
    """Return the submit token that somebody shows, and note now and then that it is used.

    Not locked: a command that is submitted in the moment of its token's revocation was submitted before it.

    :raises Unauthenticated: when it is unknown, expired or revoked, or no submit token.
    :raises Forbidden: when it does not allow the address.
    """
    token = tokens.working(session, value, TokenKind.SUBMIT, locked=False)
    allow_address(token, address)
    long_ago = or_(TokenRow.last_used_at.is_(None), TokenRow.last_used_at < clock.in_seconds(-NOTED_SECONDS))
    if session.scalar(select(TokenRow.id).where(TokenRow.id == token.id, long_ago)) is not None:
        used = update(TokenRow).where(TokenRow.id == token.id, long_ago)
        used = used.values(last_used_at=clock.now(), last_used_address=address)
        session.execute(used.execution_options(synchronize_session=False))
    return token


def allow_user(token: TokenRow, user: str | None) -> None:
    """Let pass a user of the host whom commands of a token may run as. None: the agent's own, which any may.

    :raises Forbidden: naming those it allows.
    """
    if user is not None and user not in (token.run_as_users or ()):
        allowed = ", ".join(token.run_as_users or ()) or "none"
        msg = f"The submit token {token.name!r} does not allow to run as {user!r}; users it allows: {allowed}."
        raise Forbidden(msg)


def rights(session: Session, token: TokenRow) -> SubmitRights:
    """Return what a token allows."""
    return SubmitRights(
        token=token.name,
        queues=None if token.queues is None else tuple(token.queues),
        run_as_users=tuple(token.run_as_users or ()),
        team=token.team_name,
        server_time=session.scalars(select(clock.now())).one(),
    )
