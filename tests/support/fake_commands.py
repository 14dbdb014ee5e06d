"""The task side of a queue API without Airflow: real requests over real sockets, behind a line with faults on order."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from pydantic import ValidationError

from edge_agent.protocol import VERSION_HEADER, Answer, EndReason, JobState, Problem, ProblemReason, routes
from edge_agent.protocol.commands import (
    CancelCommand,
    CommandView,
    News,
    Seen,
    Submit,
    SubmitRights,
    Submitted,
    Watch,
)
from tests.support.cuttable_server import Answer as Sent
from tests.support.cuttable_server import Asked, CuttableServer
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Call, Fault, Orders, verb_of
from tests.support.refusal import Refusal

TOKEN = "est_0123456789ab_planted"
PROBLEM = {VERSION_HEADER: "1"}


@dataclass
class FakeCommand:
    """One command, as the server has it."""

    submit: Submit
    id: UUID = field(default_factory=uuid4)
    state: JobState = JobState.QUEUED
    log: bytes = b""
    read_offset: int = 0
    cancel: CancelCommand | None = None
    reason: EndReason | None = None
    exit_code: int | None = None

    def view(self) -> CommandView:
        return CommandView(
            id=self.id,
            name=self.submit.name,
            label=self.submit.label,
            state=self.state,
            reason=self.reason,
            exit_code=self.exit_code,
            queue=self.submit.queue or "first",
            log_bytes=len(self.log),
            read_offset=self.read_offset,
            is_wanted=self.cancel is None,
            queued_at=datetime.now(UTC),
        )

    def is_news(self, seen: Seen) -> bool:
        longer = seen.log_bytes is not None and len(self.log) > seen.log_bytes
        return self.state is not seen.state or longer


class FakeCommands:
    """The server. A context manager; ``url`` is what a connection names. ``tls``: what it listens with."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.tokens = {TOKEN}
        self.commands: dict[UUID, FakeCommand] = {}
        self.keys: dict[str, UUID] = {}
        self.orders = Orders()
        self.held = self.most_held = 0
        self.watches: list[Watch] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._server = CuttableServer(0, self._serve)
        self._line = FaultProxy([self._server.port], orders=self.orders, tls=tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._line.close()
        self._server.cut()

    @property
    def url(self) -> str:
        return self._line.url

    def cut(self) -> None:
        """Let nothing through."""
        self._line.cut()

    def mend(self) -> None:
        """Let everything through again."""
        self._line.mend()

    def fault(self, verb: str, kind: str, **more: Any) -> Fault:
        return self.orders.order(verb, kind, **more)

    def calls_of(self, verb: str) -> list[Call]:
        return self.orders.calls_of(verb)

    def add(self, **changes: Any) -> FakeCommand:
        """Queue a command nobody here submitted."""
        command = FakeCommand(Submit(command="true"), **changes)
        self.commands[command.id] = command
        return command

    def change(self, command: FakeCommand, *, state: JobState | None = None, log: bytes = b"") -> None:
        """Let something happen to a command."""
        with self._changed:
            command.state = state or command.state
            command.log += log
            self._changed.notify_all()

    def _serve(self, asked: Asked) -> Sent:
        try:
            if asked.token not in self.tokens:
                raise Refusal(401, ProblemReason.UNAUTHENTICATED, "This token is not known.")
            return self._do(verb_of(asked.method, asked.target), asked)
        except Refusal as refusal:
            return refusal.status, refusal.problem.model_dump_json().encode(), PROBLEM
        except ValidationError as error:
            return 422, Problem(reason=ProblemReason.INVALID, message=str(error)).model_dump_json().encode(), PROBLEM

    def _do(self, verb: str, asked: Asked) -> Sent:
        if verb == "rights":
            return _json(
                SubmitRights(token="of tests", queues=("a", "b"), run_as_users=(), server_time=datetime.now(UTC))
            )
        if verb == "submit":
            return _json(self._submit(Submit.model_validate_json(asked.body)))
        if verb == "watch":
            return _json(self._watch(Watch.model_validate_json(asked.body)))
        command = self.commands.get(UUID(asked.path.removeprefix(routes.BASE).split("/")[2]))
        if command is None:
            raise Refusal(404, ProblemReason.NOT_FOUND, "There is no such command.")
        if verb == "cancel":
            command.cancel = CancelCommand.model_validate_json(asked.body)
        if verb in {"get", "cancel"}:
            return _json(command.view())
        return self._bytes(verb, command, asked)

    def _bytes(self, verb: str, command: FakeCommand, asked: Asked) -> Sent:
        limit = int(asked.query["limit"][0])
        if verb == "output":
            assert asked.query["stream"] == ["stdout"]
            headers = {routes.OUTPUT_BYTES_HEADER: str(len(command.log)), routes.OUTPUT_WHOLE_HEADER: "1"}
            return 200, command.log[-limit:], PROBLEM | headers
        start = int(asked.query["offset"][0])
        piece = command.log[start : start + limit]
        ends_at = start + len(piece)
        is_over = command.state.is_terminal and ends_at == len(command.log)
        headers = {routes.LOG_NEXT_HEADER: str(ends_at), routes.LOG_OVER_HEADER: str(int(is_over))}
        return 200, piece, PROBLEM | headers

    def _submit(self, submit: Submit) -> Submitted:
        assert submit.key is not None
        with self._changed:
            attached = submit.key in self.keys
            command = self.commands[self.keys[submit.key]] if attached else FakeCommand(submit)
            self.commands[command.id] = command
            self.keys[submit.key] = command.id
        return Submitted(command=command.view(), attached=attached)

    def _watch(self, watch: Watch) -> News:
        deadline = time.monotonic() + watch.wait_seconds
        with self._changed:
            self.watches.append(watch)
            self.held += 1
            self.most_held = max(self.held, self.most_held)
            try:
                while not (news := self._news(watch)).commands and not news.unknown and not self._is_closing:
                    if not self._changed.wait(deadline - time.monotonic()):
                        break
                return news
            finally:
                self.held -= 1

    def _news(self, watch: Watch) -> News:
        found = [(seen, self.commands.get(seen.id)) for seen in watch.commands]
        for seen, command in found:
            if command is not None and seen.read_offset is not None:
                command.read_offset = max(seen.read_offset, command.read_offset)
        return News(
            commands=tuple(command.view() for seen, command in found if command is not None and command.is_news(seen)),
            unknown=tuple(seen.id for seen, command in found if command is None),
        )


def _json(answer: Answer) -> Sent:
    return 200, answer.model_dump_json().encode(), PROBLEM
