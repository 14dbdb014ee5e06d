"""What an agent does with its assignments: confirm, renew tokens, send logs, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from airflow_plugin import meters
from airflow_plugin.api.auth import CurrentSession, SessionToken, session_ref
from airflow_plugin.api.log_quota import LogQuota
from airflow_plugin.api.transactions import transact
from airflow_plugin.api.workload_tokens import execution_token, still_wanted, token_for
from airflow_plugin.errors import TooLarge
from airflow_plugin.queue import assignments, logs, renewals, sessions
from edge_agent.protocol import (
    Confirm,
    ConfirmAnswer,
    Confirmed,
    LogAck,
    LogKept,
    Problem,
    Renew,
    RenewAnswer,
    Renewed,
    Report,
    ReportAnswer,
    metrics,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as DatabaseSession

    from airflow_plugin.config import QueueConfig


def router(config: QueueConfig) -> APIRouter:
    """Return the routes under ``/assignments``."""
    routes = APIRouter(prefix="/assignments", tags=["assignments"], responses={"4XX": {"model": Problem}})
    _add_permissions(routes)
    _add_ends(routes, config)
    return routes


def _add_permissions(routes: APIRouter) -> None:
    @routes.post("/confirm")
    async def confirm(asked: Confirm, ref: CurrentSession) -> ConfirmAnswer:
        """Ask to start. A repeat by the same session gets the same answer, with fresh tokens."""

        def work(session: DatabaseSession) -> ConfirmAnswer:
            agent = sessions.authenticate(session, ref)
            starts, withdrawn = assignments.confirm(
                session, agent=agent.name, session_id=ref.id, ids=asked.assignments, wanted=still_wanted()
            )
            return ConfirmAnswer(confirmed=tuple(map(_confirmed, starts)), withdrawn=tuple(withdrawn))

        return await transact(work)

    @routes.post("/renew")
    async def renew(asked: Renew, ref: CurrentSession) -> RenewAnswer:
        """Ask for new execution tokens of running tasks. A repeat gets others; none is stored."""

        def work(session: DatabaseSession) -> RenewAnswer:
            agent = sessions.authenticate(session, ref)
            tasks, refused = renewals.renewable(session, agent=agent.name, ids=asked.assignments)
            renewed = (Renewed(assignment_id=id_, token=execution_token(task)) for id_, task in tasks.items())
            return RenewAnswer(renewed=tuple(renewed), refused=tuple(refused))

        return await transact(work)


def _confirmed(start: assignments.Start) -> Confirmed:
    return Confirmed(
        assignment_id=start.assignment_id,
        kind=start.kind,
        team=start.team_name,
        payload=start.payload,
        signature=start.signature,
        token=token_for(start),
    )


def _add_ends(routes: APIRouter, config: QueueConfig) -> None:
    quota = LogQuota(config.log_bytes_per_minute)

    @routes.post("/report")
    async def report(asked: Report, ref: CurrentSession) -> ReportAnswer:
        """End jobs. A repeat is accepted again; an ending that came too late is refused, one by one."""

        def work(session: DatabaseSession) -> ReportAnswer:
            agent = sessions.authenticate(session, ref)
            accepted, refused = assignments.report(session, agent=agent.name, endings=asked.endings)
            return ReportAnswer(accepted=tuple(accepted), refused=tuple(refused))

        return await transact(work)

    @routes.post(
        "/{assignment_id}/logs",
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def append(
        assignment_id: UUID,
        offset: Annotated[int, Query(ge=0)],
        token: SessionToken,
        request: Request,
        kept: LogKept | None = None,
    ) -> LogAck:
        """Add log bytes at an offset. Bytes that are there already are not doubled; a gap is refused.

        ``kept``: the log does not pass here, but is in the log store of its site or stays on its host; the bytes are
        the agent's words about it, and are not taken to a remote log store.
        ``pause_seconds`` in the answer: the job's quota for this minute is used up, and more is refused until then.
        """
        data = await _body(request, config.log_chunk_bytes)
        ref = session_ref(request, token, data)

        def work(session: DatabaseSession) -> tuple[str, LogAck]:
            agent = sessions.authenticate(session, ref).name
            quota.check(agent, assignment_id)  # before anything is written that would be rolled back
            return agent, logs.append(
                session,
                agent=agent,
                assignment_id=assignment_id,
                offset=offset,
                data=data,
                limit=config.log_limit_bytes,
                kept=kept,
            )

        agent, ack = await transact(work)
        meters.count(metrics.LOG_BYTES, by=len(data))
        return ack.model_copy(update={"pause_seconds": quota.spend(agent, assignment_id, len(data))})


async def _body(request: Request, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes.

    :raises TooLarge: as soon as there are more, without reading the rest.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            msg = f"A log chunk may have {limit} bytes; send the rest in another."
            raise TooLarge(msg)
    return bytes(data)
