"""A queue API without Airflow: a real HTTP server with the job's states, and faults on order.

Why not a mocked client? Because real requests over a real socket find things: half a body, a proxy's
page, an answer that never comes although the server has committed.
"""

from __future__ import annotations

import ssl
from typing import Any, Self
from uuid import UUID

from pydantic import ValidationError

from edge_agent.protocol import Answer, JobState, Limits, Problem, ProblemReason
from tests.support.fake_job import Job
from tests.support.fake_jobs import AGENT_TOKEN, FakeJobs, Refusal
from tests.support.faulty_http import Call, Fault, Server

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
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._tls = tls
        self._server: Server | None = None
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

    def come_back(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self.is_closing = False
        self._server = Server(("127.0.0.1", self._port), self, self._tls)
        self._port = self._server.server_address[1]
        self._server.start()

    def go_away(self) -> None:
        """Close the port and every connection. What is known stays known."""
        server, self._server = self._server, None
        if server is None:
            return
        with self.changed:
            self.is_closing = True
            for fault in self.faults:
                fault.release.set()
            self.changed.notify_all()
        server.stop()

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
        fault = Fault(verb, kind, **more)
        with self.changed:
            self.faults.append(fault)
        return fault

    def calls_of(self, verb: str) -> list[Call]:
        """Return the calls of one verb so far."""
        return [call for call in list(self.calls) if call.verb == verb]

    # What the server asks.

    def take_fault(self, verb: str, kinds: frozenset[str]) -> Fault | None:
        """Return the next fault of these kinds that was ordered for a verb, and note that it was met."""
        with self.changed:
            for fault in self.faults:
                if fault.verb in (verb, "*") and fault.kind in kinds and fault.times != 0:
                    fault.met += 1
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def answer(self, call: Call, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """Do what a call asks for; every verb is one step under one lock."""
        if call.verb == "health":
            return 200, b'{"status":"ok"}'
        try:
            with self.changed:
                answer = self._do(call, query)
        except Refusal as refusal:
            return refusal.status, refusal.problem.model_dump_json().encode()
        except ValidationError as error:
            return 422, Problem(reason=ProblemReason.INVALID, message=str(error)).model_dump_json().encode()
        return (204, b"") if answer is None else (200, answer.model_dump_json().encode())

    def _do(self, call: Call, query: dict[str, list[str]]) -> Answer | None:
        if call.verb == "register":
            return self.register(call.token, call.body)
        if call.verb == "check":
            return self.check(call.token, call.body)
        self.authenticate(call.token)
        if call.verb == "logs":
            return self.append_log(UUID(call.path.split("/")[-2]), int(query["offset"][0]), call.body)
        if call.verb == "leave":
            self.leave()
            return None
        verbs = {
            "heartbeat": self.heartbeat,
            "poll": self.poll,
            "confirm": self.confirm,
            "renew": self.renew,
            "report": self.report,
        }
        return verbs[call.verb](call.body)

    def _nudge(self) -> None:
        self.nudged = True
        self.changed.notify_all()
