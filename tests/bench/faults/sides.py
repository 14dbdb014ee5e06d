"""What differs between the two systems: how a host of theirs is set up, and where they say what they know."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from pathlib import Path

from tests.bench.systems import System, worker_environment
from tests.support.agent_host import AgentHost
from tests.support.faults import EDGE3_FETCH
from tests.support.process import Process

SLOTS = 4


class Side(ABC):
    """One system, as the faults see it.

    ``fetch``: what a fault proxy calls the request that brings a host its work. ``gentle``: what lets a worker or
    agent leave for an upgrade without harm to its work, by its own manual. ``host_state`` and ``job_state``: SQL
    for the state of the host of a name, and of the newest job of a Dag run. ``claimed_at``: SQL for when (seconds
    since the epoch) a job of a Dag run was given to a host that has not answered yet.
    """

    name: str
    fetch: str
    gentle: signal.Signals
    host_state: str
    job_state: str
    claimed_at: str

    def __init__(self, system: System, home: Path) -> None:
        self.system = system
        self.home = home

    @abstractmethod
    def host(self, name: str, queue: str, url: str) -> Process:
        """Make a host with a worker or agent, which reaches the API at an address. It is not started."""


class Stock(Side):
    """Stock edge3."""

    name = "edge3"
    fetch = EDGE3_FETCH
    gentle = signal.SIGINT
    host_state = "SELECT state FROM edge_worker WHERE worker_name = %s"
    job_state = "SELECT state FROM edge_job WHERE run_id = %s ORDER BY try_number DESC, queued_dttm DESC LIMIT 1"
    claimed_at = (
        "SELECT extract(epoch FROM last_update)::float FROM edge_job WHERE run_id = %s AND state = 'restarting'"
    )

    def host(self, name: str, queue: str, url: str) -> Process:
        home = self.home / name
        environment = worker_environment(self.system.bed, home, poll_seconds=None)
        return Process(
            f"edge3 worker {name}",
            [str(self.system.python), "-m", "airflow", "edge", "worker", "-q", queue, "-c", str(SLOTS), "-H", name],
            environment=environment | {"AIRFLOW__EDGE__API_URL": f"{url}/edge_worker/v1/rpcapi"},
            log=home / "worker.log",
            cwd=home,
        )


class Ours(Side):
    """This project."""

    name = "ours"
    fetch = "poll"
    gentle = signal.SIGUSR1
    host_state = "SELECT state FROM edge_agent WHERE name = %s"
    job_state = (
        "SELECT concat_ws(', ', state, reason) FROM edge_agent_job WHERE run_id = %s ORDER BY queued_at DESC LIMIT 1"
    )
    claimed_at = (
        "SELECT extract(epoch FROM offered_at)::float FROM edge_agent_job WHERE run_id = %s AND state = 'offered'"
    )

    def __init__(self, system: System, home: Path, token: str) -> None:
        super().__init__(system, home)
        self.token = token

    def host(self, name: str, queue: str, url: str) -> Process:
        host = AgentHost(
            self.home / name,
            url=url,
            name=name,
            token=self.token,
            queues=[queue],
            slots=SLOTS,
            dags=self.system.bed.dags,
        )
        return host.process
