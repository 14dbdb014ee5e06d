"""Every request that a task makes of the queue API, described once for both clients, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from airflow_plugin.commands.answers import LogBytes, Output
from airflow_plugin.commands.errors import ProblemAnswer, UndecodableAnswer, VersionMismatch, problem_answer
from airflow_plugin.commands.tracing import trace_headers
from edge_agent.protocol import PROTOCOL_VERSION, VERSION_HEADER, Answer, Problem, ProblemReason, routes
from edge_agent.protocol.commands import (
    CancelCommand,
    CommandView,
    News,
    Submit,
    SubmitRights,
    Submitted,
    Watch,
)
from edge_agent.protocol.streams import Stream

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request. ``held_seconds``: how long the server may keep it before it answers. All may be made again."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    message: BaseModel | None = None
    held_seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


def submit(message: Submit) -> Call[Submitted]:
    """Have a command run. Only with a key it is the same command when it is sent again."""
    return Call("POST", routes.COMMANDS, _message(Submitted), message, headers=trace_headers())


def get(job_id: UUID) -> Call[CommandView]:
    """Ask for one command."""
    return Call("GET", routes.command(job_id), _message(CommandView))


def watch(message: Watch) -> Call[News]:
    """Ask for news of many."""
    return Call("POST", routes.WATCH, _message(News), message, held_seconds=message.wait_seconds)


def logs(job_id: UUID, offset: int, limit: int) -> Call[LogBytes]:
    """Ask for a piece of a log."""
    return Call("GET", f"{routes.command_logs(job_id)}?offset={offset}&limit={limit}", _log_bytes)


def output(job_id: UUID, stream: Stream, limit: int) -> Call[Output]:
    """Ask for the end of a stream."""
    return Call("GET", f"{routes.command_output(job_id)}?stream={Stream(stream)}&limit={limit}", _output)


def cancel(job_id: UUID, message: CancelCommand) -> Call[CommandView]:
    """Ask for a command's end."""
    return Call("POST", routes.cancel_command(job_id), _message(CommandView), message)


def rights() -> Call[SubmitRights]:
    """Ask what the token allows."""
    return Call("GET", routes.RIGHTS, _message(SubmitRights))


def read(call: Call[T], response: httpx.Response) -> T:
    """Return what an answer says.

    :raises ProblemAnswer: when it is a refusal.
    :raises UndecodableAnswer: when no queue API of our protocol gives such an answer.
    """
    if not response.is_success:
        raise _problem(response) or _undecodable(response, "that no queue API gives")
    version = response.headers.get(VERSION_HEADER, "")
    if not version:
        raise _undecodable(response, f"without the {VERSION_HEADER} header of a queue API")
    if version != str(PROTOCOL_VERSION):
        msg = (
            f"The server answers in protocol version {version}, this task speaks {PROTOCOL_VERSION}: "
            "upgrade airflow-edge-agent on the older side."
        )
        raise VersionMismatch(msg, reason=ProblemReason.VERSION, status=response.status_code)
    try:
        return call.read(response)
    except (ValidationError, KeyError, ValueError) as error:
        raise _undecodable(response, "that we cannot read") from error


def _message(kind: type[A]) -> Callable[[httpx.Response], A]:
    return lambda response: kind.model_validate_json(response.content)


def _log_bytes(response: httpx.Response) -> LogBytes:
    headers = response.headers
    next_offset, is_over = int(headers[routes.LOG_NEXT_HEADER]), headers[routes.LOG_OVER_HEADER] == "1"
    return LogBytes(response.content, next_offset, is_over)


def _output(response: httpx.Response) -> Output:
    headers = response.headers
    total_bytes, is_whole = int(headers[routes.OUTPUT_BYTES_HEADER]), headers[routes.OUTPUT_WHOLE_HEADER] == "1"
    return Output(response.content, total_bytes, is_whole)


def _problem(response: httpx.Response) -> ProblemAnswer | None:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return None
    return problem_answer(problem, status=response.status_code, retry_after_seconds=_retry_after_seconds(response))


def _undecodable(response: httpx.Response, why: str) -> UndecodableAnswer:
    """Describe a foreign answer by its status and type; its text may hold anything, so it is left out."""
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
    place = f"{response.url.scheme}://{response.url.netloc.decode()}{response.url.path}"
    msg = f"{place} gave an answer {why} ({response.status_code}, {kind}, {len(response.content)} bytes)"
    if location := response.headers.get("Location"):
        msg += f" that leads to {location.partition('?')[0]}"
    elif response.status_code == HTTPStatus.NOT_FOUND:
        msg += "; is that an API server of Airflow with airflow-edge-agent, and the extra 'path' right?"
    return UndecodableAnswer(msg, status=response.status_code, retry_after_seconds=_retry_after_seconds(response))


def _retry_after_seconds(response: httpx.Response) -> float | None:
    """Read Retry-After in seconds. Its other form, a date, would be judged by this host's clock: no."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
