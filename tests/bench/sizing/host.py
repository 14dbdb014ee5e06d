"""What an agent costs its host and its link: memory, CPU, disk, bytes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import jobs
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind
from tests.bench.machine import cpu_seconds, memory_of
from tests.bench.pauses import let_pass
from tests.bench.sizing.line import CountedLine
from tests.bench.sizing.server import Server
from tests.support.agent_host import AgentHost
from tests.support.waiting import wait_until

MB = 1e6
SETTLE_SECONDS = 12.0
COMMANDS = 20


@dataclass(frozen=True)
class Host:
    """An agent for commands only, idle for a minute and then with many commands that run."""

    heartbeat_seconds: int
    cpu_seconds: float
    sent: float
    received: float
    idle_pss: float
    busy_pss: float
    commands: int
    disk_bytes: float
    """For each command that runs and has said nothing."""


def measure_host(server: Server, seconds: float) -> Host:
    """Watch one real agent."""
    name = f"host-{server.heartbeat_seconds}"
    with CountedLine(server.bed.port) as line:
        host = AgentHost(
            server.home / name,
            url=line.url,
            name=name,
            token=server.token,
            queues=[name],
            slots=COMMANDS,
            settings={"EDGE_AGENT_KINDS": "command"},
        )
        host.start()
        try:
            known = "SELECT count(*) FROM edge_agent WHERE state = 'connected' AND name = %s"
            wait_until(lambda: server.database.value(known, name), what=f"{name} is registered", timeout=60)
            let_pass(SETTLE_SECONDS)
            before = cpu_seconds(host.process.pid), line.sent, line.received
            idle = memory_of(host.pids()).pss
            let_pass(seconds, "the window")
            after = cpu_seconds(host.process.pid), line.sent, line.received
            _fill(server, name)
            let_pass(SETTLE_SECONDS)
            busy = memory_of(host.pids()).pss
            used = sum(file.stat().st_size for file in (host.state / "attempts").rglob("*") if file.is_file())
        finally:
            host.power_off()
    cpu, sent, received = (now - then for now, then in zip(after, before, strict=True))
    minute = 60 / seconds
    return Host(
        server.heartbeat_seconds,
        cpu * minute,
        sent * minute,
        received * minute,
        idle / MB,
        busy / MB,
        COMMANDS,
        used / COMMANDS,
    )


def _fill(server: Server, name: str) -> None:
    """Let the agent have as many commands as it takes."""
    with Session(server.engine) as session:
        for _ in range(COMMANDS):
            payload = {"command": "exec sleep 600"}
            jobs.submit(session, jobs.NewJob(JobKind.COMMAND, Placement(name), payload, "sleeps"), QueueConfig())
        session.commit()
    running = "SELECT count(*) FROM edge_agent_job WHERE state = 'running' AND queue = %s"
    wait_until(
        lambda: server.database.value(running, name),
        until=lambda count: count == COMMANDS,
        what=f"{COMMANDS} commands run",
        timeout=60,
        interval=0.2,
    )
