"""Who asks: an agent by its token or session, a user by Airflow's own login and permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_configuration, requires_access_view
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, Request
from pydantic import SecretStr

from airflow_plugin.errors import Unauthenticated
from airflow_plugin.queue.secrets import SESSION_TOKEN, lookup_of


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


AgentToken = Annotated[SecretStr, Depends(bearer)]
CurrentSession = Annotated[SessionRef, Depends(session_ref)]


def may_view() -> Any:
    """Require what Airflow asks of somebody who looks at its jobs."""
    return Depends(requires_access_view(AccessView.JOBS))


def may_steer(event: str) -> list[Any]:
    """Require the operator right and leave an audit row named ``event``.

    A view permission must never guard a write: viewers pass it on any method.
    """
    return [Depends(requires_access_configuration("PUT")), Depends(action_logging(event))]
