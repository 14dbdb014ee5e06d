"""A queue API without Airflow: a real HTTP server with the job's states, behind a proxy with faults on order.

Why not a mocked client? Because real requests over a real socket find things: half a body, a proxy's
page, an answer that never comes although the server has committed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import MutableSequence
from typing import Any, Self
from uuid import UUID

from pydantic import ValidationError

from edge_agent.protocol import (
    PROTOCOL_VERSION,
    VERSION_HEADER,
    Answer,
    JobState,
    Limits,
    Problem,
    ProblemReason,
)
from tests.support.cuttable_server import Answer as Sent
from tests.support.cuttable_server import Asked, CuttableServer
from tests.support.fake_job import Job
from tests.support.fake_jobs import AGENT_TOKEN, FakeJobs
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import FOREIGN, Call, Fault, Orders, verb_of
from tests.support.host_proof import proven_key
from tests.support.refusal import Refusal

__all__ = ["AGENT_TOKEN", "FakeQueue", "Fault", "Job"]


class FakeQueue(FakeJobs):
    """The server. A context manager; ``url`` is what an agent is configured with.

    It never loses an agent by itself, however long that is silent: :meth:`lose` does.
    """

    def __init__(
        self,
        *,
        heartbeat_seconds: float = 1.0,
        poll_seconds: float = 25.0,
        offer_seconds: float = 15.0,
        log_chunk_bytes: int = 65_536,
        log_limit_bytes: int = 2**40,
        batch: int = 64,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        limits = Limits(
            heartbeat_seconds=heartbeat_seconds,
            missed_heartbeats=3,
            poll_seconds=poll_seconds,
            offer_seconds=offer_seconds,
            log_chunk_bytes=log_chunk_bytes,
            batch=batch,
        )
        super().__init__(limits, log_limit_bytes=log_limit_bytes)
        self.orders = Orders()
        self._tls = tls
        self._server: CuttableServer | None = None
        self._line: FaultProxy | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.come_back()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.go_away()

    @property
    def url(self) -> str:
        """Address of the API server it stands for."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def calls(self) -> MutableSequence[Call]:
        """What was called so far, whatever became of it."""
        return self.orders.calls

    def come_back(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self.is_closing = False
        self._server = CuttableServer(0, self._serve)
        listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._port = listener.getsockname()[1]
        self._line = FaultProxy([self._server.port], orders=self.orders, listener=listener, tls=self._tls)

    def go_away(self) -> None:
        """Close the port and every connection. What is known stays known."""
        if self._server is None or self._line is None:
            return
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()
        self._line.close()
        self._server.cut()
        self._server = self._line = None

    # What a test does.

    def submit(self, command: list[str] | str, *, label: str = "job", slots: int = 1, **payload: Any) -> Job:
        """Queue a command; ``payload``: what else there is to say of it."""
        return self.submit_job(Job(payload={"command": command, **payload}, label=label, slots=slots))

    def submit_job(self, job: Job) -> Job:
        """Queue a job."""
        with self.changed:
            self.jobs[job.id] = job
            self.changed.notify_all()
        return job

    def cancel(self, job: Job) -> None:
        """Ask for a job's end, as Airflow would."""
        with self.changed:
            if job.state in (JobState.QUEUED, JobState.OFFERED):
                job.step("cancel", JobState.CANCELLED)
            job.cancel_requested = True
            self._nudge()

    def lose(self, job: Job) -> None:
        """Take a running job away from its agent, as the reaper would."""
        with self.changed:
            job.step("lose", JobState.FAILED)
            self._nudge()

    def order(self, **changes: Any) -> None:
        """Change attributes that directives are made of, and tell the agent at once."""
        with self.changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self._nudge()

    def end_session(self) -> None:
        """End the session: the agent is told so by its next call, and by the poll it waits in."""
        with self.changed:
            self.session = None
            self.changed.notify_all()

    def fault(self, verb: str, kind: str, **more: Any) -> Fault:
        """Order a fault."""
        return self.orders.order(verb, kind, **more)

    def calls_of(self, verb: str) -> list[Call]:
        """Return the calls of one verb so far."""
        return self.orders.calls_of(verb)

    # What is asked.

    def _serve(self, asked: Asked) -> Sent:
        """Do what is asked for; every verb is one step under one lock. What is not ours is a 404 of Airflow's."""
        verb = verb_of(asked.method, asked.target)
        if verb == FOREIGN:
            return 404, b'{"detail":"Not Found"}', {}
        status, content = self._answer(verb, asked)
        return status, content, {VERSION_HEADER: str(PROTOCOL_VERSION)}

    def _answer(self, verb: str, asked: Asked) -> tuple[int, bytes]:
        if verb == "health":
            return 200, b'{"status":"ok"}'
        try:
            if asked.headers.get(VERSION_HEADER) != str(PROTOCOL_VERSION):
                raise Refusal(400, ProblemReason.VERSION, "No common protocol version.")
            with self.changed:
                answer = self._do(verb, asked)
        except Refusal as refusal:
            return refusal.status, refusal.problem.model_dump_json().encode()
        except ValidationError as error:
            return 422, Problem(reason=ProblemReason.INVALID, message=str(error)).model_dump_json().encode()
        return (204, b"") if answer is None else (200, answer.model_dump_json().encode())

    def _do(self, verb: str, asked: Asked) -> Answer | None:
        host_key = proven_key(asked)
        if host_key is None:
            raise Refusal(401, ProblemReason.UNAUTHENTICATED, "Nothing proves from which host this request comes.")
        if verb == "register":
            return self.register(asked.token, host_key, asked.body)
        if verb == "check":
            return self.check(asked.token, host_key, asked.body)
        self.authenticate(asked.token, host_key)
        if verb == "logs":
            return self.append_log(UUID(asked.path.split("/")[-2]), int(asked.query["offset"][0]), asked.body)
        if verb == "leave":
            self.leave()
            return None
        verbs = {
            "heartbeat": self.heartbeat,
            "poll": self.poll,
            "confirm": self.confirm,
            "renew": self.renew,
            "report": self.report,
        }
        return verbs[verb](asked.body)

    def _nudge(self) -> None:
        self.nudged = True
        self.changed.notify_all()
