"""What an admin does with tokens. Even to look takes the right to edit them; every write is audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from airflow_plugin.api.auth import Reason, edits_connections, may_grant
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import token_views, tokens
from airflow_plugin.queue.allowances import MAX_DESCRIPTION, MAX_ENTRIES, MAX_PATTERN, MAX_TEAM, Allowance, TokenKind
from airflow_plugin.queue.signing_keys import signing_keys
from edge_agent.protocol import NAME_PATTERN, Name, Problem, Text

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy.orm import Session as DatabaseSession

    from airflow_plugin.config import QueueConfig

TokenName = Annotated[str, Path(pattern=NAME_PATTERN)]
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MAX_ENTRIES)]
Patterns = Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)]], Field(max_length=MAX_ENTRIES)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NewToken(_Body):
    """A token to be made. ``expires_in_days`` null never expires, and has to be said."""

    name: Name
    kind: TokenKind = TokenKind.AGENT
    description: Text | None = Field(default=None, max_length=MAX_DESCRIPTION)
    queues: Annotated[list[Name], Field(min_length=1, max_length=MAX_ENTRIES)] | None = None
    agents: Words | None = Field(default=None, description="Patterns of names, with * and ?.")
    addresses: Words | None = Field(default=None, description="Networks, such as 10.1.0.0/16.")
    run_as_users: Words | None = None
    connections: Patterns | None = Field(
        default=None, description="Patterns of Airflow's connections that tasks of its agents may have; empty: none."
    )
    variables: Patterns | None = Field(default=None, description="The same of Airflow's variables.")
    team_name: Text | None = Field(default=None, max_length=MAX_TEAM)
    max_agents: int | None = Field(default=None, ge=1, le=100_000)
    one_time: bool = Field(default=False, description="The first agent that registers is the only one.")
    expires_in_days: float | None = Field(default=90, gt=0, le=tokens.LONGEST_DAYS)


class Rotation(_Body):
    """For how long the secret before goes on, and how long the new one lives."""

    reason: Text | None = Field(default=None, max_length=1000, description="Why, for the audit log.")
    overlap_seconds: float = Field(default=tokens.OVERLAP_SECONDS, ge=0, le=tokens.LONGEST_OVERLAP_SECONDS)
    expires_in_days: float | None = Field(default=90, gt=0, le=tokens.LONGEST_DAYS)


class CreatedToken(BaseModel):
    """The only answer that ever holds the secret."""

    name: str
    token: str = Field(repr=False)
    server_key: str | None = Field(description="For `server_key` of its hosts; null where this server signs nothing.")


class Revoked(BaseModel):
    """How many sessions ended with a token."""

    ended_sessions: int


def router(config: QueueConfig) -> APIRouter:
    """Return the routes under ``/ui/tokens``."""
    routes = APIRouter(prefix="/ui/tokens", tags=["ui"], responses={"4XX": {"model": Problem}})
    _add_listing(routes)
    _add_making(routes, config)
    return routes


def _add_listing(routes: APIRouter) -> None:
    @routes.get("", dependencies=[Depends(edits_connections)])
    async def list_tokens() -> list[token_views.TokenView]:
        """Every token, without its secret. Needs the right to change them."""
        return await transact(token_views.tokens)

    @routes.delete("/{name}", dependencies=may_grant("edge_agent.tokens.revoke"))
    async def revoke(name: TokenName, user: GetUserDep, reason: Reason = None) -> Revoked:
        """Revoke a token; the sessions it opened end."""
        by = user.get_name()
        return Revoked(ended_sessions=await transact(lambda db: tokens.revoke(db, name, by=by, reason=reason)))


def _add_making(routes: APIRouter, config: QueueConfig) -> None:
    @routes.post("", status_code=201, dependencies=may_grant("edge_agent.tokens.create"))
    async def create(body: NewToken, user: GetUserDep) -> CreatedToken:
        """Make a token. Its secret is in this answer and nowhere else."""

        def work(session: DatabaseSession) -> SecretStr:
            allowance = Allowance(**body.model_dump(exclude={"name", "expires_in_days"}))
            made: dict[str, Any] = {"created_by": user.get_name(), "most": config.max_tokens}
            return tokens.create(session, body.name, allowance, expires_in_days=body.expires_in_days, **made)

        secret = await transact(work)
        return _created(body.name, secret)

    @routes.post("/{name}/rotate", dependencies=may_grant("edge_agent.tokens.rotate"))
    async def rotate(name: TokenName, body: Rotation, user: GetUserDep) -> CreatedToken:
        """Give a token a new secret; the one before goes on for a while. The new one is in this answer only."""
        by, most = user.get_name(), config.max_tokens
        secret = await transact(lambda db: tokens.rotate(db, name, **body.model_dump(), by=by, most=most))
        return _created(name, secret)


def _created(name: str, secret: SecretStr) -> CreatedToken:
    published = signing_keys().published
    key = published[0].key if published else None
    return CreatedToken(name=name, token=secret.get_secret_value(), server_key=key)
