"""Who asks: an agent by its token or session and its host's key, a submitter by a token, a user by Airflow's login."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, HTTPException, Query, Request
from pydantic import SecretStr

from airflow_plugin.api.peers import Peer
from airflow_plugin.api.proofs import host_key_of
from airflow_plugin.errors import Unauthenticated
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import TokenKind
from airflow_plugin.queue.secrets import is_whole, lookup_of
from airflow_plugin.queue.sessions import SessionRef
from edge_agent.protocol import Text
from edge_agent.protocol.secrets import SESSION_TOKEN


def bearer(request: Request) -> SecretStr:
    """Return the bearer token.

    :raises Unauthenticated: when there is none.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        msg = "Send 'Authorization: Bearer <token>'."
        raise Unauthenticated(msg)
    return SecretStr(value.strip())


def session_token(value: Annotated[SecretStr, Depends(bearer)]) -> SecretStr:
    """Return a bearer token that looks like a session's.

    :raises Unauthenticated: when it is none at all.
    """
    _session_id(value)
    return value


def session_ref(request: Request, value: SecretStr, body: bytes) -> SessionRef:
    """Return what a request shows of its session.

    :raises Unauthenticated: when no host's key proves it.
    """
    return SessionRef(_session_id(value), value, host_key_of(request, value.get_secret_value(), body))


def hands_out(request: Request, token: str | None) -> None:
    """Let the gate know the token that an answer brings: it works, though it has not been shown yet.

    Else a guesser at the same address would cut off each agent that is given its next one.
    """
    request.scope["edge_agent.handed_out"] = token


async def current_session(request: Request, value: Annotated[SecretStr, Depends(session_token)]) -> SessionRef:
    """Return what a request shows of its session, its body being bounded already."""
    return session_ref(request, value, await request.body())


def agent_token(value: Annotated[SecretStr, Depends(bearer)]) -> SecretStr:
    """Return a bearer token that looks like an agent's.

    :raises Unauthenticated: when it is none, or not the whole of one.
    """
    tokens.require_form(value.get_secret_value(), TokenKind.AGENT)
    return value


async def host_key(request: Request, value: Annotated[SecretStr, Depends(agent_token)]) -> str:
    """Return the key of the host that shows an agent token.

    :raises Unauthenticated: when none proves the request.
    """
    return host_key_of(request, value.get_secret_value(), await request.body())


@dataclass(frozen=True)
class Submitter:
    """What somebody who submits commands shows: a token, not looked up yet, and from where."""

    token: SecretStr
    address: str | None


def submitter(value: Annotated[SecretStr, Depends(bearer)], address: Peer) -> Submitter:
    """Return what looks like a submit token, and from where it is shown.

    :raises Unauthenticated: when it is none, or not the whole of one.
    """
    tokens.require_form(value.get_secret_value(), TokenKind.SUBMIT)
    return Submitter(value, address)


def _session_id(value: SecretStr) -> UUID:
    text = value.get_secret_value()
    try:
        return UUID(lookup_of(text, SESSION_TOKEN) if is_whole(text) else None)
    except (TypeError, ValueError):
        msg = "This is not a session token, or not the whole of one. Register first; the answer has one."
        raise Unauthenticated(msg) from None


AgentToken = Annotated[SecretStr, Depends(agent_token)]
HostKey = Annotated[str, Depends(host_key)]
SessionToken = Annotated[SecretStr, Depends(session_token)]
CurrentSubmitter = Annotated[Submitter, Depends(submitter)]
CurrentSession = Annotated[SessionRef, Depends(current_session)]


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


def user_may_steer(user: BaseUser) -> bool:
    """Whether a user may edit Airflow's pools."""
    return get_auth_manager().is_authorized_pool(method="PUT", user=user)


def user_may_grant(user: BaseUser) -> bool:
    """Whether a user may edit Airflow's connections."""
    return get_auth_manager().is_authorized_connection(method="PUT", user=user)


def _edits_pools(user: GetUserDep) -> None:
    if not user_may_steer(user):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This takes the right to edit pools, as Airflow's role Op has it.")


def edits_connections(user: GetUserDep) -> None:
    """Let pass who may edit Airflow's connections."""
    if not user_may_grant(user):
        text = "This takes the right to edit connections, as Airflow's role Op has it."
        raise HTTPException(HTTPStatus.FORBIDDEN, text)


Reason = Annotated[Text | None, Query(max_length=1000, description="Why, for the audit log.")]
