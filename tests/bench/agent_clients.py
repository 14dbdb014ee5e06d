"""Our protocol, spoken by the agent's own client: registers agents and lets them work as fast as it goes.

A program: ``python -m tests.bench.agent_clients``; the agent token comes from the environment. It says when
all agents have registered, and begins when it is sent a line. Each agent polls with all its slots free,
confirms what it was offered in one message and reports it in another.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import ssl
import sys
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from edge_agent import __version__
from edge_agent.client import QueueClient
from edge_agent.errors import Unreachable
from edge_agent.host_key import HostKey
from edge_agent.protocol import (
    PROTOCOL_VERSION,
    VERSION_HEADER,
    Beat,
    Confirm,
    Ending,
    EndReason,
    JobKind,
    JobState,
    Poll,
    Registration,
    Report,
    Session,
    Versions,
    routes,
)
from edge_agent.transport import LIMITS, TIMEOUT

REGISTERING = 8
"""How many agents register at the same time."""
HEARTBEAT_SECONDS = 10.0
POLL_MOST_SECONDS = 25.0
POLL, BEAT, OVERDUE = 0.9, 0.8, 1.1
"""In heartbeat intervals: how long a poll waits, as the agent's do; from when on it carries a beat; and when a beat
that no poll has carried goes alone, as from an agent whose polls are answered late."""


@dataclass
class Work:
    """What is to be done, and what was done so far."""

    rows: int
    seconds: float
    slots: int
    begin: float = 0.0
    cycles: int = 0
    poll_seconds: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, cycles: int) -> None:
        """Count finished jobs."""
        self.cycles += cycles
        if self.cycles >= self.rows or time.monotonic() - self.begin > self.seconds:
            self.over.set()


def _key_of(name: str) -> HostKey:
    """Return the key of a host: the same in each program that speaks for it."""
    return HostKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


class Agent:
    """One agent: a client with connections of its own, and a session."""

    def __init__(
        self, http: httpx.AsyncClient, name: str, queue: str, slots: int, interval: float = HEARTBEAT_SECONDS
    ) -> None:
        self._interval = interval
        self._client = QueueClient(http, name, _key_of(name))
        self._queue = queue
        self._slots = slots
        self._session: Session | None = None
        self._beat = 0
        self._beaten = 0.0
        self._held: tuple[UUID, ...] = ()

    async def register(self, token: SecretStr) -> None:
        """Open its session."""
        asked = Registration(
            instance=uuid4(),
            hostname="bench",
            queues=(self._queue,),
            kinds=(JobKind.TASK, JobKind.COMMAND),
            slots=self._slots,
            capabilities={},
            versions=Versions(agent=__version__, python="3"),
        )
        self._session = await self._client.register(token, asked)
        self._beaten = time.monotonic()

    async def work(self, work: Work) -> None:
        """Poll, confirm and report for ever. Polls carry a beat when one is due."""
        session = self._session
        assert session is not None
        while True:
            asked = time.monotonic()
            answer = await self._client.poll(session, self._poll(asked))
            ids = tuple(offer.assignment_id for offer in answer.offers)
            if not ids:
                continue
            work.poll_seconds.append(time.monotonic() - asked)
            self._held = ids
            confirmed = (await self._client.confirm(session, Confirm(assignments=ids))).confirmed
            endings = tuple(
                Ending(
                    assignment_id=each.assignment_id,
                    state=JobState.SUCCEEDED,
                    reason=EndReason.EXIT,
                    exit_code=0,
                    log_bytes=0,
                )
                for each in confirmed
            )
            work.count(len((await self._client.report(session, Report(endings=endings))).accepted))
            self._held = ()

    async def beat(self, work: Work) -> None:
        """Beat for ever, when no poll has carried a beat for too long."""
        assert self._session is not None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(1.0, self._beaten + OVERDUE * self._interval - time.monotonic())):
                    await work.over.wait()
            if time.monotonic() - self._beaten > OVERDUE * self._interval:
                with suppress(Unreachable):  # answered too late: the next one is due in a moment
                    await self._client.heartbeat(self._session, self._next_beat())

    async def knock(self) -> None:
        """Poll without waiting, with a beat on it: the least that makes the server read, judge and write."""
        assert self._session is not None
        poll = Poll(free_slots=self._slots, wait_seconds=0, beat=self._next_beat())
        await self._client.poll(self._session, poll)

    def _poll(self, now: float) -> Poll:
        beat = self._next_beat() if now - self._beaten > BEAT * self._interval else None
        wait_seconds = min(POLL_MOST_SECONDS, POLL * self._interval)
        return Poll(free_slots=self._slots, wait_seconds=wait_seconds, beat=beat)

    def _next_beat(self) -> Beat:
        self._beat, self._beaten = self._beat + 1, time.monotonic()
        return Beat(number=self._beat, held=self._held, free_slots=self._slots)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Register all agents, let them work until rows or time are over, and return what they did."""
    token = SecretStr(os.environ["EDGE_AGENT_TOKEN"])
    work = Work(arguments.rows, arguments.seconds, arguments.slots)
    trust = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        agents = []
        for number in range(arguments.agents + arguments.idle):
            http = await stack.enter_async_context(open_http(arguments.url, trust))
            queue = arguments.queue if number < arguments.agents else arguments.idle_queue
            agents.append(Agent(http, f"client-{number}", queue, arguments.slots, arguments.heartbeat_seconds))
        turns = asyncio.Semaphore(REGISTERING)
        tasks: list[asyncio.Task[None]] = []

        def begin(agent: Agent) -> None:
            tasks.extend(asyncio.create_task(does) for does in (agent.work(work), agent.beat(work)))

        async def register(number: int) -> None:
            async with turns:
                await agents[number].register(token)
            if number >= arguments.agents:
                begin(agents[number])  # An idle one that waits for the last to come would be lost by then.

        await asyncio.gather(*map(register, range(len(agents))))
        print("ready", flush=True)
        sys.stdin.readline()
        work.begin = time.monotonic()
        for agent in agents[: arguments.agents]:
            begin(agent)
        over = asyncio.create_task(work.over.wait())
        ended, _ = await asyncio.wait(
            {over, *tasks}, timeout=arguments.seconds + 30, return_when=asyncio.FIRST_COMPLETED
        )
        seconds = time.monotonic() - work.begin
        for task in (over, *tasks):
            task.cancel()
        for task in ended - {over}:
            task.result()  # Agents work for ever: one that has ended has failed.
        await asyncio.wait({over, *tasks})
    return {"cycles": work.cycles, "seconds": seconds, "fetch_seconds": work.poll_seconds}


def open_http(url: str, trust: ssl.SSLContext) -> httpx.AsyncClient:
    """Open connections as the agent does, but for what each process would load once for itself."""
    return httpx.AsyncClient(
        base_url=url.rstrip("/") + routes.BASE,
        headers={VERSION_HEADER: str(PROTOCOL_VERSION), "User-Agent": f"edge-agent/{__version__}"},
        verify=trust,
        timeout=TIMEOUT,
        limits=LIMITS,
        trust_env=False,
    )


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--idle-queue", required=True)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--heartbeat-seconds", type=float, default=HEARTBEAT_SECONDS)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
