"""The site that suffers: two API servers, two schedulers, a triggerer, Postgres, and three hosts with agents.

Each agent has a line of its own to the API servers, which stands for its network and their load balancer.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.agent_host import LEAVING_SECONDS, AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import ANY
from tests.support.migrated import migrate
from tests.support.postgres import Postgres
from tests.support.process import Process
from tests.support.waiting import NeverHappenedError, wait_until

DAGS = Path(__file__).parent / "dags"
KINDS = ("short", "long", "tmux", "deferrable", "failing", "unwanted")
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
    "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "16",
}


class Site:
    """Everything that runs, by name: ``agent-1`` .. ``agent-3``, Airflow's parts, ``postgres``."""

    def __init__(self, home: Path, postgres: Postgres, bed: AirflowBed, database_url: str) -> None:
        self.home = home
        self.postgres = postgres
        self.bed = bed
        self.database_url = database_url
        self.ledger = home / "ledger"
        self.hosts: dict[str, AgentHost] = {}
        self.lines: dict[str, FaultProxy] = {}
        self.complaints: list[str] = []
        """What was seen on the way that must not be."""
        self.down: set[str] = set()
        """What a fault holds down; everything else is started again when it has ended, as a service manager would."""

    # -- faults

    def crash(self, name: str) -> None:
        """SIGKILL an agent's process and nothing else on its host."""
        self.down.add(name)
        self.hosts[name].crash()

    def stop(self, name: str) -> None:
        """Stop an agent in order, its work left running, as before an upgrade."""
        self.down.add(name)
        process = self.hosts[name].process
        process.send(signal.SIGTERM)
        with self._seeing_leave(process):
            process.wait(LEAVING_SECONDS)

    def hand_over(self, name: str) -> None:
        """Start the next agent of a host, which asks the present one to leave."""
        self.down.add(name)
        with self._seeing_leave(self.hosts[name].process):
            self.hosts[name].hand_over()

    def freeze(self, name: str) -> None:
        """Stop an agent's process without ending it; its jobs go on."""
        self.hosts[name].suspend()

    def thaw(self, name: str) -> None:
        """Let a frozen agent go on."""
        self.hosts[name].resume()

    def power_off(self, name: str) -> None:
        """SIGKILL everything on a host."""
        self.down.add(name)
        self.hosts[name].power_off()

    def cut(self, name: str) -> None:
        """Cut a host's network."""
        self.lines[name].cut()

    def spoil(self, name: str, **fault: Any) -> None:
        """Let every call of the queue API that an agent makes meet a fault."""
        self.lines[name].orders.order(ANY, times=None, **fault)

    def mend(self, name: str) -> None:
        """Mend a host's network."""
        self.lines[name].mend()
        self.lines[name].orders.end()

    def kill(self, name: str) -> None:
        """SIGKILL a part of the server."""
        names = self.api_servers if name == "every api-server" else [name]
        self.down |= set(names)
        for each in names:
            self.postgres.kill() if each == "postgres" else self.bed.kill(each)

    def bring_back(self, name: str) -> None:
        """Let what is down be started again."""
        self.down -= set(self.api_servers) if name == "every api-server" else {name}

    # -- care

    @contextmanager
    def _seeing_leave(self, process: Process) -> Iterator[None]:
        """Complain of an agent that was told to leave and did not, and kill it."""
        try:
            yield
        except NeverHappenedError:
            self.complaints.append(f"stuck: {process.name} was told to leave {LEAVING_SECONDS:g} s ago and is there")
            process.kill()

    @property
    def api_servers(self) -> list[str]:
        """The API servers."""
        return [name for name in self.bed.parts if name.startswith("api-server")]

    @property
    def api_ports(self) -> list[int]:
        """Where the API servers listen."""
        return [int(self.bed.parts[name].process.environment["AIRFLOW__API__PORT"]) for name in self.api_servers]

    def look_after(self) -> None:
        """Start what has ended and is not held down, as a service manager does."""
        if "postgres" not in self.down and self.postgres.server and not self.postgres.server.is_running:
            self.postgres.start()
        for name, part in self.bed.parts.items():
            if name not in self.down and not part.process.is_running:
                self.bed.launch(name)
        for name, host in self.hosts.items():
            if name not in self.down and not host.process.is_running:
                host.start()

    def add_host(self, name: str) -> None:
        """Add a host whose agent serves the queue of this site."""
        line = self.lines[name] = FaultProxy(self.api_ports)
        host = AgentHost(
            self.home / name,
            url=line.url,
            name=name,
            token=self.bed.create_token(name, ["chaos"]),
            queues=["chaos"],
            slots=4,
            dags=DAGS,
            settings={"CHAOS_LEDGER": str(self.ledger), "EDGE_AGENT_DRAIN_TIMEOUT_SECONDS": "0"},
        )
        self.hosts[name] = host
        host.start()

    def end(self) -> None:
        """Pull the plug of every host."""
        for host in self.hosts.values():
            host.power_off()
        for line in self.lines.values():
            line.close()


@contextmanager
def site(home: Path) -> Iterator[Site]:
    """Give a site that is up, and end all of it."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        url = stack.enter_context(postgres.database())
        migrate(url, home)
        bed = AirflowBed(home / "airflow", url, dags=DAGS, settings=SETTINGS)
        stack.enter_context(bed)
        bed.add_api_server()
        bed.add_scheduler()
        made = Site(home, postgres, bed, url)
        made.ledger.touch()
        bed.rest.wait_for_dags({f"chaos_{kind}" for kind in KINDS})
        stack.callback(made.end)
        for name in ("agent-1", "agent-2", "agent-3"):
            made.add_host(name)
        wait_until(
            lambda: [name for name, host in made.hosts.items() if "event=registered" not in host.output()],
            until=lambda missing: not missing,
            what="all agents register",
            timeout=60,
        )
        yield made
