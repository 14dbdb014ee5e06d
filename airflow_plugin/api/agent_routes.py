"""The agents' own verbs: register, beat, poll, leave. Each says in its docstring what a repeat does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request, Response

from airflow_plugin.api.auth import AgentToken, CurrentSession
from airflow_plugin.api.gate import HANDED_OUT
from airflow_plugin.api.peers import Peer
from airflow_plugin.api.transactions import transact
from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import NotFound, SessionEnded
from airflow_plugin.queue import agents, tokens
from edge_agent.protocol import (
    NAME_PATTERN,
    PROTOCOL_VERSION,
    AirflowSettings,
    Beat,
    BeatAnswer,
    Checked,
    Limits,
    Poll,
    PollAnswer,
    Problem,
    Registration,
    Session,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as DatabaseSession

    from airflow_plugin.api.polls import Polls

AgentName = Annotated[str, Path(pattern=NAME_PATTERN)]


def router(config: QueueConfig, polls: Polls) -> APIRouter:
    """Return the routes under ``/agents``."""
    routes = APIRouter(prefix="/agents/{name}", tags=["agents"], responses={"4XX": {"model": Problem}})
    _add_sessions(routes, config)
    _add_leaving(routes)
    _add_hearing(routes, polls)
    return routes


def _add_sessions(routes: APIRouter, config: QueueConfig) -> None:
    @routes.post("/session")
    async def register(
        request: Request, name: AgentName, asked: Registration, token: AgentToken, address: Peer
    ) -> Session:
        """Open a session with an agent token. A repeat opens another one and ends this."""

        def work(session: DatabaseSession) -> Session:
            row = tokens.authenticate(session, token.get_secret_value(), name, asked.queues, address)
            opened = agents.register(session, name, asked, token=row, address=address, version=PROTOCOL_VERSION)
            return Session(
                session_id=opened.session_id,
                token=opened.secret.value.get_secret_value(),
                limits=limits(config, opened.agent.heartbeat_seconds, opened.agent.missed_heartbeats),
                directives=opened.directives,
                airflow=site_settings(),
                server_time=opened.agent.registered_at,
            )

        opened = await transact(work)
        request.scope[HANDED_OUT] = opened.token
        return opened

    @routes.post("/check")
    async def check(name: AgentName, asked: Registration, token: AgentToken, address: Peer) -> Checked:
        """Tell whether this registration would be taken. Nothing is changed, and no session ended."""

        def work(session: DatabaseSession) -> Checked:
            row = tokens.authenticate(session, token.get_secret_value(), name, asked.queues, address)
            opened = agents.register(session, name, asked, token=row, address=None, version=PROTOCOL_VERSION)
            checked = Checked(server_time=opened.agent.registered_at)
            # The registration itself says whether it is taken: nothing else could, and stay in step with it.
            session.rollback()
            return checked

        return await transact(work)


def _add_leaving(routes: APIRouter) -> None:
    @routes.delete("/session", status_code=204)
    async def leave(name: AgentName, ref: CurrentSession) -> Response:
        """End the session. What was offered goes back at once. A repeat finds it ended, as it wants it."""

        def work(session: DatabaseSession) -> None:
            try:
                agent = agents.authenticate(session, ref.value.get_secret_value(), ref.id)
            except SessionEnded:
                return
            if agent.name != name:
                msg = f"This session is not of an agent named {name!r}."
                raise NotFound(msg)
            agents.leave(session, agent)

        await transact(work)
        return Response(status_code=204)


def _add_hearing(routes: APIRouter, polls: Polls) -> None:
    @routes.post("/heartbeat")
    async def heartbeat(name: AgentName, beat: Beat, ref: CurrentSession) -> BeatAnswer:
        """Be heard. A repeat of a beat (same number) renews, and counts no silence twice."""
        heard = await polls.hear(name, ref, beat)
        return BeatAnswer(directives=heard.directives, server_time=heard.seen_at)

    @routes.post("/poll")
    async def poll(name: AgentName, ask: Poll, ref: CurrentSession) -> PollAnswer:
        """Wait for work. A repeat may bring other offers; those of a lost answer expire."""
        return await polls.answer(name, ref, ask)


def limits(config: QueueConfig, heartbeat_seconds: float | None = None, missed: int | None = None) -> Limits:
    """Return the sizes and times an agent is told, its own where an admin set them."""
    return Limits(
        heartbeat_seconds=heartbeat_seconds or config.heartbeat_seconds,
        missed_heartbeats=missed or config.missed_heartbeats,
        poll_seconds=config.poll_seconds,
        offer_seconds=config.offer_seconds,
        log_chunk_bytes=config.log_chunk_bytes,
        batch=config.batch,
    )


def site_settings() -> AirflowSettings:
    """Return what this Airflow is set to and its tasks must agree with on every host."""
    from airflow.configuration import conf

    return AirflowSettings(
        executor=conf.get_mandatory_value("core", "executor"),
        default_queue=conf.get_mandatory_value("operators", "default_queue"),
    )
