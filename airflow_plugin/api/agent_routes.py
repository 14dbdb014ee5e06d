"""The agents' own verbs: register, beat, poll, leave. Each says in its docstring what a repeat does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from airflow.models.log import Log
from fastapi import APIRouter, Path, Request, Response

from airflow_plugin.api.auth import AgentToken, CurrentSession, HostKey, hands_out
from airflow_plugin.api.peers import Peer
from airflow_plugin.api.polls import asking_for_figures
from airflow_plugin.api.transactions import transact
from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import HostMismatch, NotFound, SessionEnded
from airflow_plugin.queue import agents, host_keys, sessions, tokens
from airflow_plugin.queue.signing_keys import signing_keys
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
        *, name: AgentName, asked: Registration, token: AgentToken, host_key: HostKey, address: Peer, request: Request
    ) -> Session:
        """Open a session with an agent token. A repeat opens another one and ends this.

        The first one of a name makes that name this host's.
        """

        def work(session: DatabaseSession) -> Session | HostMismatch:
            try:
                row = tokens.authenticate(session, token.get_secret_value(), name, asked.queues, address)
                opened = agents.register(session, name, asked, token=row, **asks_from(host_key, address, config))
            except HostMismatch as refusal:
                session.rollback()  # nothing of it stands, but that it was tried
                note_conflict(session, name, hostname=asked.hostname, address=address)
                return refusal
            return Session(
                session_id=opened.session_id,
                token=opened.secret.value.get_secret_value(),
                limits=limits(config, opened.agent.heartbeat_seconds, opened.agent.missed_heartbeats),
                directives=asking_for_figures(opened.directives, config),
                airflow=site_settings(),
                server_time=opened.agent.registered_at,
                server_keys=signing_keys().published,
            )

        answer = await transact(work)
        if isinstance(answer, HostMismatch):
            raise answer
        hands_out(request, answer.token)
        return answer

    @routes.post("/check")
    async def check(
        name: AgentName, asked: Registration, token: AgentToken, host_key: HostKey, address: Peer
    ) -> Checked:
        """Tell whether this registration would be taken. Nothing is changed, and no session ended."""

        def work(session: DatabaseSession) -> Checked:
            row = tokens.authenticate(session, token.get_secret_value(), name, asked.queues, address)
            opened = agents.register(session, name, asked, token=row, **asks_from(host_key, None, config))
            checked = Checked(server_time=opened.agent.registered_at, server_keys=signing_keys().published)
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
                agent = sessions.authenticate(session, ref)
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
    async def heartbeat(name: AgentName, beat: Beat, ref: CurrentSession, request: Request) -> BeatAnswer:
        """Be heard. A repeat of a beat (same number) renews, and counts no silence twice."""
        heard = await polls.hear(name, ref, beat)
        token = heard.next_token.get_secret_value() if heard.next_token else None
        hands_out(request, token)
        return BeatAnswer(directives=heard.directives, server_time=heard.seen_at, token=token)

    @routes.post("/poll")
    async def poll(name: AgentName, ask: Poll, ref: CurrentSession, request: Request) -> PollAnswer:
        """Wait for work. A repeat may bring other offers; those of a lost answer expire."""
        answer = await polls.answer(name, ref, ask)
        hands_out(request, answer.token)
        return answer.model_copy(update={"server_keys": signing_keys().published})


def asks_from(host_key: str, address: str | None, config: QueueConfig) -> dict[str, Any]:
    """Return what a registration needs to know beside what it says."""
    return {
        "host_key": host_key,
        "address": address,
        "version": PROTOCOL_VERSION,
        "token_seconds": config.session_life_seconds,
    }


def note_conflict(session: DatabaseSession, name: str, *, hostname: str, address: str | None) -> None:
    """Note that another host has asked for a name, and once in the audit log, too."""
    if host_keys.note_conflict(session, name, hostname=hostname, address=address):
        said = {"name": name, "hostname": hostname, "address": address}
        session.add(Log(event="edge_agent.host_mismatch", owner="edge-agent", extra=json.dumps(said)))


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
