"""The systems that are compared: an Airflow each, from the same packages, on databases of one server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import subreaper
from tests.bench.dags import NOBODY, write_dags
from tests.bench.database import Database
from tests.bench.overlay import make_overlay
from tests.bench.plan import Plan
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import QUICK, AirflowBed
from tests.support.migrated import migrate
from tests.support.postgres import Postgres
from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

EDGE3 = "EdgeExecutor:airflow.providers.edge3.executors.EdgeExecutor"
OURS = "EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor"
IDLE = "idle"
"""A queue without work, for agents that are only there."""
PARTS = ("api-server", "scheduler", "dag-processor")
"""No triggerer: nothing here defers."""
QUEUES = {"EdgeExecutor": ("poll-5s", "poll-1s"), "EdgeAgentExecutor": ("ours",)}
"""The queues of each system, by the alias of its executor; a worker each."""
WriteDags = Callable[[Path, str], set[str]]
"""Writes Dags for the executor of that alias into a folder, and returns their ids."""


@dataclass(frozen=True)
class Variant:
    """A worker or agent with its queue, and what it is called in the tables."""

    name: str
    queue: str
    system: System
    poll_seconds: float
    """The longest time an idle worker of it does not ask for work; pauses are drawn up to that."""


@dataclass
class System:
    """One Airflow and the workers it has. ``bed`` and ``database`` are up while the benchmark runs."""

    name: str
    bed: AirflowBed
    database: Database
    python: Path
    dag_ids: set[str]
    variants: list[Variant] = field(default_factory=list)
    workers: dict[str, Process] = field(default_factory=dict)
    """By the queue they serve, or by name where several serve one."""

    def pid(self, part: str) -> int:
        """Return the process id of one of Airflow's components."""
        return self.bed.parts[part].process.pid

    def stop_workers(self) -> None:
        """End all workers and what they run."""
        for worker in self.workers.values():
            worker.kill_family()
        self.workers.clear()


@dataclass
class Site:
    """Everything the measurements need. ``home``: where all files of the run are."""

    plan: Plan
    home: Path
    postgres: Postgres
    stock: System
    ours: System
    agent_token: str = ""
    hosts: list[AgentHost] = field(default_factory=list)

    @property
    def systems(self) -> tuple[System, System]:
        """Stock first, as in the tables."""
        return self.stock, self.ours

    @property
    def variants(self) -> list[Variant]:
        """All variants, stock first."""
        return [*self.stock.variants, *self.ours.variants]

    def power_off(self) -> None:
        """End all agents of ours, with what they run."""
        for host in self.hosts:
            host.power_off()

    def worker_of(self, variant: Variant) -> Process:
        """Return the worker that serves a variant's queue."""
        return variant.system.workers[variant.queue]

    def stock_environment(self, home: Path, *, poll_seconds: int | None = None) -> dict[str, str]:
        """Return the environment of an edge3 worker on a host of its own. None leaves edge3's default."""
        return worker_environment(self.stock.bed, home, poll_seconds)

    def agent(self, name: str, queue: str, **settings: str) -> AgentHost:
        """Make a host with an agent of ours; it is not started. Its log is one JSON object a line."""
        host = AgentHost(
            self.home / "hosts" / name,
            url=self.ours.bed.url,
            name=name,
            token=self.agent_token,
            queues=[queue],
            slots=self.plan.slots,
            dags=self.ours.bed.dags,
            settings={"EDGE_AGENT_LOG_FORMAT": "json", **settings},
        )
        host.process.command = metered(host.process.command)
        self.hosts.append(host)
        return host


def metered(command: Sequence[str]) -> list[str]:
    """Return a command that runs as the child of a subreaper, so that its family's CPU can be read."""
    return [sys.executable, "-I", "-S", subreaper.__file__, *command]


@contextmanager
def site(plan: Plan, home: Path) -> Iterator[Site]:
    """Bring both systems up, and end everything in the end."""
    (home / "hosts").mkdir()

    def write(folder: Path, alias: str) -> set[str]:
        queues = [*QUEUES[alias], NOBODY]
        return write_dags(folder, queues, executor=alias, mapped=plan.mapped, lines=plan.log_lines)

    with both(home, write) as (postgres, stock, ours):
        made = Site(plan, home, postgres, stock, ours)
        slow, fast = QUEUES["EdgeExecutor"]
        stock.variants = [
            Variant("edge3, default (polls every 5 s)", slow, stock, 5.0),
            Variant("edge3, polls every 1 s", fast, stock, 1.0),
        ]
        ours.variants = [Variant("edge agent", QUEUES["EdgeAgentExecutor"][0], ours, 1.0)]
        made.agent_token = ours.bed.create_token("bench", [ours.variants[0].queue, IDLE, NOBODY])
        try:
            yield made
        finally:
            made.power_off()


@contextmanager
def both(
    home: Path, write: WriteDags, prepare: Callable[[System], None] | None = None
) -> Iterator[tuple[Postgres, System, System]]:
    """Bring up Postgres, stock edge3 and ours, without any worker, and end all of it in the end.

    ``prepare``: changes a system before it is started.
    """
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        template = postgres.create()
        migrate(postgres.url(template), home)
        stock = _stock(home, postgres, template, write)
        ours = _system("edge agent", home / "ours", postgres.create(template), postgres, OURS, write)
        for system in (stock, ours):
            if prepare is not None:
                prepare(system)
            stack.callback(system.database.close)
            stack.push(system.bed.__exit__)
            stack.callback(system.stop_workers)
        for system in (stock, ours):
            system.bed.launch(*PARTS)
        for system in (stock, ours):
            system.bed.wait_healthy(*PARTS)
        yield postgres, stock, ours


def _stock(home: Path, postgres: Postgres, template: str, write: WriteDags) -> System:
    system = _system("edge3", home / "stock", postgres.create(template), postgres, EDGE3, write)
    system.python = make_overlay(home / "stock-python")
    url = f"{system.bed.url}/edge_worker/v1/rpcapi"
    for part in system.bed.parts.values():
        part.process.environment |= {"AIRFLOW__EDGE__API_ENABLED": "True", "AIRFLOW__EDGE__API_URL": url}
        # The console script would run in the environment that has our package in it.
        part.process.command = [str(system.python), "-m", "airflow", *part.process.command[1:]]
    return system


def _system(name: str, home: Path, database_name: str, postgres: Postgres, executor: str, write: WriteDags) -> System:
    """Make an Airflow with the Dags for it. It is not started."""
    home.mkdir(parents=True)
    source = home / "source"
    dag_ids = write(source, executor.partition(":")[0])
    url = postgres.url(database_name)
    bed = AirflowBed(home / "airflow", url, dags=source, executor=executor, settings=LIMITS)
    for part in bed.parts.values():
        for setting in set(QUICK) - set(LIMITS):
            del part.process.environment[setting]  # Airflow's own defaults are what is compared.
    database = Database(postgres, database_name)
    database.run("UPDATE slot_pool SET slots = 1000")
    return System(name, bed, database, Path(sys.executable), dag_ids)


LIMITS: Mapping[str, str] = {
    # Only the worker's slots shall limit how much runs at once.
    "AIRFLOW__CORE__PARALLELISM": "512",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "512",
    "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "512",
    # Each Dag is read once: parsing it again and again would only disturb.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}


def worker_environment(bed: AirflowBed, home: Path, poll_seconds: int | None) -> dict[str, str]:
    """Return what an edge3 worker needs on its host, the site's signing key included."""
    for directory in (home, home / "logs"):
        directory.mkdir(parents=True, exist_ok=True)
    site_has = bed.environment
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(bed.dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": site_has["AIRFLOW__CORE__EXECUTOR"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": site_has["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"],
        "AIRFLOW__API_AUTH__JWT_SECRET": site_has["AIRFLOW__API_AUTH__JWT_SECRET"],
        "AIRFLOW__EDGE__API_ENABLED": "True",
        "AIRFLOW__EDGE__API_URL": f"{bed.url}/edge_worker/v1/rpcapi",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
    }
    if poll_seconds is not None:
        variables["AIRFLOW__EDGE__JOB_POLL_INTERVAL"] = str(poll_seconds)
    return clean_environment(home, **variables)


def start_edge3_worker(site: Site, name: str, queue: str, *, poll_seconds: int | None = None) -> Process:
    """Start an edge3 worker and wait until it has registered."""
    home = site.home / "hosts" / name
    arguments = ["edge", "worker", "-q", queue, "-c", str(site.plan.slots), "-H", name]
    worker = Process(
        f"edge3 worker {name}",
        metered([str(site.stock.python), "-m", "airflow", *arguments]),
        environment=site.stock_environment(home, poll_seconds=poll_seconds),
        log=home / "worker.log",
        cwd=home,
    )
    site.stock.workers[queue] = worker
    worker.start()

    def registered() -> bool:
        worker.must_run()
        state = "SELECT state FROM edge_worker WHERE worker_name = %s"
        return site.stock.database.value(state, name) in ("idle", "running")

    wait_until(registered, what=f"worker {name} is registered", timeout=60, interval=0.2)
    return worker


def start_agent(site: Site, name: str, queue: str, **settings: str) -> AgentHost:
    """Start an agent of ours and wait until it has registered."""
    host = site.agent(name, queue, **settings)
    site.ours.workers[queue] = host.process
    host.start()
    wait_registered(site, [name])
    return host


def wait_registered(site: Site, names: Sequence[str]) -> None:
    """Wait until the server knows these agents as connected."""
    known = "SELECT count(*) FROM edge_agent WHERE state = 'connected' AND name = ANY(%s)"
    wait_until(
        lambda: site.ours.database.value(known, list(names)),
        until=lambda count: count == len(names),
        what=f"{len(names)} agents are registered",
        timeout=60,
        interval=0.2,
    )
