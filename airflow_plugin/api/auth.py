"""Who asks: an agent by its token or session, a user by Airflow's own login and permissions."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, HTTPException, Query, Request
from pydantic import SecretStr

from airflow_plugin.errors import Unauthenticated
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import TokenKind
from airflow_plugin.queue.secrets import lookup_of
from edge_agent.protocol import Text
from edge_agent.protocol.secrets import SESSION_TOKEN


@dataclass(frozen=True)
class SessionRef:
    """A session token as presented: nothing is proven before a statement compares its hash."""

    id: UUID
    value: SecretStr


def bearer(request: Request) -> SecretStr:
    """Return the bearer token.

    :raises Unauthenticated: when there is none.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        msg = "Send 'Authorization: Bearer <token>'."
        raise Unauthenticated(msg)
    return SecretStr(value.strip())


def session_ref(value: Annotated[SecretStr, Depends(bearer)]) -> SessionRef:
    """Return the session a bearer token belongs to, by its look.

    :raises Unauthenticated: when it is not a session token at all.
    """
    lookup = lookup_of(value.get_secret_value(), SESSION_TOKEN)
    try:
        return SessionRef(UUID(lookup), value)
    except (TypeError, ValueError):
        msg = "This is not a session token. Register first; the answer has one."
        raise Unauthenticated(msg) from None


def agent_token(value: Annotated[SecretStr, Depends(bearer)]) -> SecretStr:
    """Return a bearer token that looks like an agent's.

    :raises Unauthenticated: when it is none, or not the whole of one.
    """
    tokens.require_form(value.get_secret_value(), TokenKind.AGENT)
    return value


AgentToken = Annotated[SecretStr, Depends(agent_token)]
CurrentSession = Annotated[SessionRef, Depends(session_ref)]


def may_view() -> Any:
    """Require what Airflow asks of somebody who looks at its jobs."""
    return Depends(requires_access_view(AccessView.JOBS))


def may_steer(event: str) -> list[Any]:
    """Require the right to edit pools, which steer work too, and leave an audit row named ``event``.

    A view permission must never guard a write: viewers pass it on any method. Nor may the right to change the
    configuration: FAB gives it to nobody, not even to admins.
    """
    return [Depends(_edits_pools), Depends(action_logging(event))]


def may_grant(event: str) -> list[Any]:
    """Require the right to edit connections, which hold credentials too, and leave an audit row."""
    return [Depends(edits_connections), Depends(action_logging(event))]


def _edits_pools(user: GetUserDep) -> None:
    if not get_auth_manager().is_authorized_pool(method="PUT", user=user):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This takes the right to edit pools, as Airflow's role Op has it.")


def edits_connections(user: GetUserDep) -> None:
    """Let pass who may edit Airflow's connections."""
    if not get_auth_manager().is_authorized_connection(method="PUT", user=user):
        text = "This takes the right to edit connections, as Airflow's role Op has it."
        raise HTTPException(HTTPStatus.FORBIDDEN, text)


Reason = Annotated[Text | None, Query(max_length=1000, description="Why, for the audit log.")]
