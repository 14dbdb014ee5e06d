"""Tokens as people look at them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from airflow_plugin.queue import tokens as stored_tokens
from airflow_plugin.queue.allowances import TokenKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.models import TokenRow


class TokenView(BaseModel):
    """A token as an admin sees it."""

    name: str
    kind: TokenKind
    description: str | None
    prefix: str | None
    queues: list[str] | None
    agents: list[str] | None
    addresses: list[str] | None
    run_as_users: list[str] | None
    connections: list[str] | None
    variables: list[str] | None
    team_name: str | None
    max_agents: int | None
    one_time: bool
    enrolled_agent: str | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    rotated_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_by: str | None
    last_used_address: str | None


def tokens(session: Session) -> list[TokenView]:
    """Return every token, by name."""
    current = stored_tokens.prefixes(session)
    return [_token_view(row, current.get(row.id)) for row in stored_tokens.listed(session)]


def _token_view(token: TokenRow, prefix: str | None) -> TokenView:
    same = {name: getattr(token, name) for name in TokenView.model_fields if hasattr(token, name)}
    return TokenView(**same, prefix=prefix)
