"""What those who submit commands ask: submit, watch, read, cancel. Each says in its docstring what a repeat does.

Only a submit token lets anybody in, and what it allows holds for each request. A command is found only with the token
that submitted it; to another it is as one that never was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from airflow_plugin.api.auth import CurrentSubmitter, Submitter
from airflow_plugin.api.transactions import transact
from airflow_plugin.errors import Conflict
from airflow_plugin.queue import command_output, command_views, commands, submitters
from edge_agent.protocol import Problem
from edge_agent.protocol.commands import (
    OUTPUT_BYTES,
    CancelCommand,
    CommandView,
    News,
    Submit,
    SubmitRights,
    Submitted,
    Watch,
)
from edge_agent.protocol.routes import (
    LOG_NEXT_HEADER,
    LOG_OVER_HEADER,
    OUTPUT_BYTES_HEADER,
    OUTPUT_WHOLE_HEADER,
)
from edge_agent.protocol.streams import Stream
from edge_agent.protocol.traces import TRACE_HEADER, traceparent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from airflow_plugin.api.watches import Watches
    from airflow_plugin.config import QueueConfig
    from airflow_plugin.models import TokenRow

MOST_LOG_BYTES = 4_194_304
FARTHEST = 2**63 - 1
"""The largest offset that a column holds."""

Offset = Annotated[int, Query(ge=0, le=FARTHEST, description="In bytes of the log as it is stored.")]
LogLimit = Annotated[int, Query(ge=1, le=MOST_LOG_BYTES, description="Most bytes of one answer.")]
OutputLimit = Annotated[int, Query(ge=1, le=OUTPUT_BYTES, description="Most bytes of one answer: the last ones.")]


Trace = Annotated[str | None, Header(alias=TRACE_HEADER, description="The span that the command belongs to.")]


class Bytes(Response):
    """Bytes as they are."""

    media_type = "application/octet-stream"


def router(config: QueueConfig, watches: Watches) -> APIRouter:
    """Return the routes under ``/commands``."""
    routes = APIRouter(prefix="/commands", tags=["commands"], responses={"4XX": {"model": Problem}})
    _add_submit(routes, config)
    _add_watch(routes, watches)
    _add_one(routes, config)
    _add_output(routes, config)
    return routes


async def _transact(who: Submitter, work: Callable[[Session, TokenRow], Any]) -> Any:
    """Run ``work`` with the token of whoever asks, in one transaction with its check."""

    def authenticated(session: Session) -> Any:
        return work(session, submitters.authenticate(session, who.token.get_secret_value(), who.address))

    return await transact(authenticated)


def _add_submit(routes: APIRouter, config: QueueConfig) -> None:
    @routes.post("")
    async def submit(asked: Submit, who: CurrentSubmitter, trace: Trace = None) -> Submitted:
        """Queue a command. A repeat with the same key finds it, also when it has ended.

        409: another command of its family is still open, and is asked to end; or Airflow waits for its task
        instance no more.
        """

        def work(session: Session, token: TokenRow) -> Submitted | Conflict:
            placed = commands.submit(
                session, token, asked, config, default_queue=_default_queue(), traceparent=traceparent(trace)
            )
            if isinstance(placed, Conflict):
                return placed
            return Submitted(command=command_views.one(session, token.id, placed.id), attached=placed.attached)

        answer: Submitted | Conflict = await _transact(who, work)
        if isinstance(answer, Conflict):
            raise answer
        return answer

    @routes.get("/rights")
    async def rights(who: CurrentSubmitter) -> SubmitRights:
        """What the token allows."""
        found: SubmitRights = await _transact(who, submitters.rights)
        return found


def _add_watch(routes: APIRouter, watches: Watches) -> None:
    @routes.post("/watch")
    async def watch(ask: Watch, who: CurrentSubmitter) -> News:
        """Wait until one of many commands is in another state, or has said more. A repeat finds the same."""
        return await watches.answer(who, ask)


def _add_one(routes: APIRouter, config: QueueConfig) -> None:
    @routes.get("/{job_id}")
    async def one(job_id: UUID, who: CurrentSubmitter) -> CommandView:
        """One command, and why it waits."""
        view: CommandView = await _transact(
            who, lambda session, token: command_views.detail(session, config, token.id, job_id)
        )
        return view

    @routes.post("/{job_id}/cancel")
    async def cancel(job_id: UUID, body: CancelCommand, who: CurrentSubmitter) -> CommandView:
        """Have it ended: at once, or when its agent has ended it. A repeat changes nothing, not even the reason."""

        def work(session: Session, token: TokenRow) -> CommandView:
            command_views.one(session, token.id, job_id)
            commands.cancel(session, job_id, body.reason, only_if_unwanted=body.only_if_unwanted)
            return command_views.one(session, token.id, job_id)

        view: CommandView = await _transact(who, work)
        return view


def _answers(**described: str) -> dict[int | str, dict[str, Any]]:
    """Describe answers of bytes with headers, and refusals, which are JSON all the same."""
    headers = {name: {"schema": {"type": "integer"}, "description": text} for name, text in described.items()}
    problem = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
    return {
        200: {"content": {Bytes.media_type: {}}, "headers": headers, "description": "The bytes."},
        "4XX": {"content": {"application/json": problem}, "description": "Client Error"},
    }


_LOG = _answers(
    **{
        LOG_NEXT_HEADER: "The offset to go on at.",
        LOG_OVER_HEADER: "1 when the command has ended and nothing comes behind these bytes, else 0.",
    }
)
_OUTPUT = _answers(
    **{
        OUTPUT_BYTES_HEADER: "How many bytes the stream has in all.",
        OUTPUT_WHOLE_HEADER: "1 when nothing of it was lost or cut off on its way, else 0.",
    }
)


def _add_output(routes: APIRouter, config: QueueConfig) -> None:
    @routes.get("/{job_id}/logs", response_class=Bytes, responses=_LOG)
    async def logs(job_id: UUID, who: CurrentSubmitter, offset: Offset = 0, limit: LogLimit = 1_048_576) -> Bytes:
        """Bytes of its log, as they are stored."""
        found: command_output.LogBytes = await _transact(
            who,
            lambda session, token: command_output.log_bytes(session, token.id, job_id, offset=offset, limit=limit),
        )
        headers = {LOG_NEXT_HEADER: str(found.next_offset), LOG_OVER_HEADER: str(int(found.is_over))}
        return Bytes(found.content, headers=headers)

    @routes.get("/{job_id}/output", response_class=Bytes, responses=_OUTPUT)
    async def output(
        job_id: UUID, who: CurrentSubmitter, stream: Stream = Stream.STDOUT, limit: OutputLimit = 65_536
    ) -> Bytes:
        """The last bytes of one of its streams. Where they are together, all is standard output."""
        most = config.log_limit_bytes
        found: command_output.Tail = await _transact(
            who,
            lambda session, token: command_output.tail(
                session, token.id, job_id, stream=stream, limit=limit, log_limit=most
            ),
        )
        headers = {OUTPUT_BYTES_HEADER: str(found.total_bytes), OUTPUT_WHOLE_HEADER: str(int(found.is_whole))}
        return Bytes(found.content, headers=headers)


def _default_queue() -> str:
    from airflow.configuration import conf

    queue: str = conf.get_mandatory_value("operators", "default_queue")
    return queue
