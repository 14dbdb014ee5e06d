"""The wire, spoken: one method per verb, no retry, every failure one of :mod:`edge_agent.errors`.

What is worth asking again, and for how long, is for :mod:`edge_agent.retry`; which session is current
is for :mod:`edge_agent.sessions`.
"""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from edge_agent.errors import ProblemAnswer, UndecodableAnswer, Unreachable, problem_answer
from edge_agent.host_key import HostKey
from edge_agent.protocol import (
    PROOF_HEADER,
    PROTOCOL_VERSION,
    VERSION_HEADER,
    Answer,
    Beat,
    BeatAnswer,
    Checked,
    Confirm,
    ConfirmAnswer,
    LogAck,
    LogKept,
    Poll,
    PollAnswer,
    Problem,
    ProblemReason,
    Registration,
    Renew,
    RenewAnswer,
    Report,
    ReportAnswer,
    Session,
    routes,
)
from edge_agent.transport import TIMEOUT

A = TypeVar("A", bound=Answer)

DEADLINE_SECONDS = 30.0
"""For a whole exchange, connecting included. The limits of :data:`TIMEOUT` are for each read: an answer
that comes in drips, or whose headers never end, would meet them for ever."""

POLL_MARGIN_SECONDS = 10.0
"""How much longer than the server may hold a poll we wait for its answer."""

BEAT_PART = 0.4
"""Of a heartbeat interval: how long the exchange of a lone beat may take. One is sent 1.15 intervals after the
last was, which may be 2.05 after the last that was heard, and the server allows three: a beat that got stuck
must leave the time for another."""

BEAT_LEAST_SECONDS = 1.0
"""However short the interval."""


class QueueClient:
    """Speaks for one agent, and proves that it is on this host. Safe to use by many tasks at once."""

    def __init__(self, http: httpx.AsyncClient, agent: str, host_key: HostKey) -> None:
        self._http = http
        self._agent = agent
        self._host_key = host_key

    async def register(self, token: SecretStr, registration: Registration) -> Session:
        """Open a session, ending the one before."""
        path = routes.session(self._agent)
        return await self._ask(path, token.get_secret_value(), registration, Session)

    async def check(self, token: SecretStr, registration: Registration) -> Checked:
        """Ask whether that registration would be taken. Changes nothing."""
        path = routes.check(self._agent)
        return await self._ask(path, token.get_secret_value(), registration, Checked)

    async def heartbeat(self, session: Session, beat: Beat) -> BeatAnswer:
        """Report what is held."""
        part_seconds = BEAT_PART * session.limits.heartbeat_seconds
        deadline_seconds = min(max(part_seconds, BEAT_LEAST_SECONDS), DEADLINE_SECONDS)
        path = routes.heartbeat(self._agent)
        return await self._ask(path, session.token, beat, BeatAnswer, deadline_seconds=deadline_seconds)

    async def poll(self, session: Session, poll: Poll) -> PollAnswer:
        """Wait for work or directives, for as long as the poll says."""
        read_seconds = poll.wait_seconds + POLL_MARGIN_SECONDS
        timeout = httpx.Timeout(15.0, connect=10.0, read=read_seconds, pool=None)
        return await self._ask(
            routes.poll(self._agent),
            session.token,
            poll,
            PollAnswer,
            timeout=timeout,
            deadline_seconds=poll.wait_seconds + DEADLINE_SECONDS,
        )

    async def confirm(self, session: Session, confirm: Confirm) -> ConfirmAnswer:
        """Ask to start what was offered."""
        return await self._ask(routes.CONFIRM, session.token, confirm, ConfirmAnswer)

    async def renew(self, session: Session, renew: Renew) -> RenewAnswer:
        """Ask for new execution tokens."""
        return await self._ask(routes.RENEW, session.token, renew, RenewAnswer)

    async def send_log(
        self, session: Session, assignment_id: UUID, offset: int, content: bytes, kept: LogKept | None = None
    ) -> LogAck:
        """Deliver log bytes that stand at ``offset``. ``kept``: where the log is, if these are words about it."""
        path = f"{routes.logs(assignment_id)}?offset={offset}" + (f"&kept={kept}" if kept else "")
        return await self._ask(path, session.token, content, LogAck)

    async def report(self, session: Session, report: Report) -> ReportAnswer:
        """Say how assignments ended."""
        return await self._ask(routes.REPORT, session.token, report, ReportAnswer)

    async def leave(self, session: Session) -> None:
        """End the session."""
        response = await self._send("DELETE", routes.session(self._agent), session.token, None)
        _refuse_problems(response)

    async def _ask(
        self,
        path: str,
        token: str,
        message: BaseModel | bytes,
        answer: type[A],
        *,
        timeout: httpx.Timeout = TIMEOUT,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> A:
        response = await self._send("POST", path, token, message, timeout=timeout, deadline_seconds=deadline_seconds)
        _refuse_problems(response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise _undecodable(response, "whose body we cannot read") from error

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        message: BaseModel | bytes | None,
        *,
        timeout: httpx.Timeout = TIMEOUT,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> httpx.Response:
        # What is not there is not sent: a server of the release before refuses a field that it does not know.
        content = message.model_dump_json(exclude_none=True).encode() if isinstance(message, BaseModel) else message
        proof = self._host_key.prove(method, path, content or b"", token)
        headers = {"Authorization": f"Bearer {token}", PROOF_HEADER: proof}
        if content is not None:
            kind = "application/octet-stream" if content is message else "application/json"
            headers["Content-Type"] = kind
        try:
            async with asyncio.timeout(deadline_seconds):
                return await self._http.request(method, path, content=content, headers=headers, timeout=timeout)
        except TimeoutError as error:
            msg = f"no whole answer within {deadline_seconds:g} s"
            raise Unreachable(msg) from error
        except httpx.DecodingError as error:
            msg = "an answer with a broken encoding"
            raise UndecodableAnswer(msg, status=HTTPStatus.OK) from error
        except (httpx.HTTPError, ssl.SSLError) as error:  # an alert behind the handshake comes as the latter
            msg = f"no answer: {str(error) or type(error).__name__}"
            raise Unreachable(msg) from error


def _refuse_problems(response: httpx.Response) -> None:
    """Raise unless this is a success, and one of our own protocol version."""
    if not response.is_success:
        raise _problem(response) or _undecodable(response, "that no queue API gives")
    version = response.headers.get(VERSION_HEADER, "")
    if not version:
        raise _undecodable(response, f"without the {VERSION_HEADER} header of a queue API")
    if version != str(PROTOCOL_VERSION):
        msg = (
            f"The server answers in protocol version {version}, this agent speaks {PROTOCOL_VERSION}: "
            "upgrade the older of the two."
        )
        problem = Problem(reason=ProblemReason.VERSION, message=msg)
        raise problem_answer(problem, status=response.status_code)


def _problem(response: httpx.Response) -> ProblemAnswer | None:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return None
    return problem_answer(problem, status=response.status_code, retry_after_seconds=_retry_after_seconds(response))


def _undecodable(response: httpx.Response, why: str) -> UndecodableAnswer:
    """Describe a foreign answer by its status and type; its text may hold anything, so it is left out."""
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
    msg = f"an answer {why} ({response.status_code}, {kind}, {len(response.content)} bytes)"
    if location := response.headers.get("Location"):
        msg += f" that leads to {location.partition('?')[0]}"
    return UndecodableAnswer(msg, status=response.status_code, retry_after_seconds=_retry_after_seconds(response))


def _retry_after_seconds(response: httpx.Response) -> float | None:
    """Read Retry-After in seconds. Its other form, a date, would be judged by this host's clock: no."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
