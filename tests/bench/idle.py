"""(d) What an agent costs that has nothing to do: memory, requests, statements, CPU of the server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import stock_clients
from tests.bench.database import Statements, listening
from tests.bench.dispatch import run_one
from tests.bench.figures import Line, Section
from tests.bench.machine import Memory, cpu_seconds, memory, tree
from tests.bench.pauses import let_pass
from tests.bench.systems import IDLE, Site, System, start_agent, start_edge3_worker, wait_registered
from tests.support.waiting import wait_until

REQUEST = re.compile(r"\b(GET|POST|PATCH|PUT|DELETE)\b.*/(edge_worker|edge_agent)/")
METHOD = """\
Windows of {seconds:g} s with no, 1 and {many} idle agents on each side, both sides at the same time (the
CPU seconds are each process's own), schedulers stopped. Requests from the api-server's access log,
statements from Postgres with log_statement = all, CPU of the api-server from its CPU clock. Per agent:
the difference between {many} agents and 1, divided by {more}. Agents of ours are real ones; of edge3 one
is a real worker, the others are its client's calls at its default intervals. Memory is that of a worker
that was just started."""
BEATS = 60 / 9
"""A minute: an idle agent's polls are its beats, and are held for 0.9 of the interval of 10 s."""
SETTLE_SECONDS = 12.0
"""Registering is over, and the first polls of the agents are apart."""


@dataclass(frozen=True)
class Cost:
    """What one system did in a minute."""

    requests: float
    reads: float
    writes: float
    pings: float
    api_cpu_ms: float
    postgres_statements: tuple[tuple[str, int], ...]

    @property
    def statements(self) -> float:
        """Reads and writes."""
        return self.reads + self.writes


@dataclass(frozen=True)
class Look:
    """One window: what each system did in it, with so many agents each."""

    agents: int
    edge3: Cost
    ours: Cost


def measure_idle(site: Site) -> Section:
    """Watch both systems, at the same time, with no, one and many idle agents."""
    many = site.plan.idle_agents
    method = METHOD.format(seconds=site.plan.idle_seconds, many=many, more=many - 1)
    section = Section("idle", "Idle", method)
    with ExitStack() as stack:
        looks = [_look(site, 0)]
        worker = start_edge3_worker(site, "edge3-idle", IDLE)
        agent = start_agent(site, "idle-0", IDLE, EDGE_AGENT_KINDS="command")
        looks.append(_look(site, 1))
        alone = memory(_first_child(worker.pid)), memory(_first_child(agent.process.pid))
        stack.enter_context(_more_edge3_workers(site, many - 1))
        _more_agents(site, many - 1)
        looks.append(_look(site, many))
    _add_memory(section, *alone)
    _add_traffic(section, site, looks)
    return section


def _look(site: Site, agents: int) -> Look:
    """Watch both systems for one window."""
    let_pass(SETTLE_SECONDS if agents else 2.0)
    seconds = site.plan.idle_seconds
    before = [(_requests(system), cpu_seconds(system.pid("api-server"))) for system in site.systems]
    with listening(site.postgres) as heard:
        let_pass(seconds, "the window")
    costs = []
    for system, (requests, cpu) in zip(site.systems, before, strict=True):
        asked = heard.get(system.database.name, Statements())
        costs.append(
            Cost(
                requests=(_requests(system) - requests) * 60 / seconds,
                reads=asked.reads * 60 / seconds,
                writes=asked.writes * 60 / seconds,
                pings=asked.pings * 60 / seconds,
                api_cpu_ms=(cpu_seconds(system.pid("api-server")) - cpu) * 1000 * 60 / seconds,
                postgres_statements=tuple(asked.kinds.most_common(6)),
            )
        )
    return Look(agents, *costs)


def _requests(system: System) -> int:
    """Count the requests of agents so far, by the access log of the api-server."""
    return sum(bool(REQUEST.search(line)) for line in system.bed.parts["api-server"].process.output().splitlines())


def _first_child(root: int) -> int:
    """Return the agent itself: the subreaper above it belongs to the benchmark, and inherits a tmux server later."""
    first, *_ = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
    return int(first)


@contextmanager
def _more_edge3_workers(site: Site, count: int) -> Iterator[None]:
    """Let edge3's client ask for work as so many idle workers would."""
    log = site.home / "hosts" / "edge3-many.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [
                str(site.stock.python),
                stock_clients.__file__,
                "idle",
                "--clients",
                str(count),
                "--queue",
                IDLE,
            ],
            env=site.stock_environment(site.home / "hosts" / "edge3-many"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as clients,
    ):
        assert clients.stdout is not None
        assert clients.stdout.readline(), f"edge3's clients failed; see {log}"
        try:
            yield
        finally:
            clients.kill()


def _more_agents(site: Site, count: int) -> None:
    """Start more idle agents, one after another: a start is a second of CPU."""
    names = [f"idle-{number + 1}" for number in range(count)]
    for name in names:
        host = site.agent(name, IDLE, EDGE_AGENT_KINDS="command")
        site.ours.workers[name] = host.process
        host.start()
        wait_registered(site, [name])


def _add_memory(section: Section, worker: Memory, agent: Memory) -> None:
    megabytes = 1e6
    limit = 60
    rss, pss = agent.rss / megabytes, agent.pss / megabytes
    section.lines += [
        Line(
            "agent for command jobs, RSS",
            "MB",
            rss,
            worker.rss / megabytes,
            bar=f"at most {limit} MB",
            met=rss <= limit,
        ),
        Line("agent for command jobs, PSS", "MB", pss, worker.pss / megabytes),
    ]
    section.series["memory"] = [worker.rss / megabytes, rss]


@dataclass(frozen=True)
class WarmMemory:
    """Memory of workers that can run Airflow tasks and have just run one, the subreaper not counted."""

    edge3: Memory
    ours: Memory

    @classmethod
    def of(cls, site: Site) -> WarmMemory:
        """Run one task on each side and look."""
        looks = []
        for variant in (site.stock.variants[0], site.ours.variants[0]):
            run_one(variant)
            worker = _first_child(site.worker_of(variant).pid)
            at_rest = 1 if variant.system is site.stock else 2
            wait_until(
                lambda: len(tree(worker)),  # noqa: B023  called in this round only
                until=lambda count: count == at_rest,  # noqa: B023  the same
                what=f"{variant.name} has {at_rest} processes again",
                timeout=30,
            )
            looks.append(memory(worker))
        return cls(*looks)


def add_warm_memory(section: Section, warm: WarmMemory) -> None:
    """Add what was measured while the workers for tasks were up."""
    megabytes = 1e6
    what = "worker that has run one Airflow task"
    for name in ("RSS", "PSS"):
        mine, theirs = (getattr(each, name.lower()) / megabytes for each in (warm.ours, warm.edge3))
        section.lines.append(Line(f"{what}, {name} of all its processes", "MB", mine, theirs))
    section.notes.append(
        f"An agent of ours that runs Airflow tasks is {warm.ours.processes} processes: the agent, without "
        "Airflow, and a task host with Airflow loaded, from which tasks are forked."
    )


def _add_traffic(section: Section, site: Site, looks: list[Look]) -> None:
    none, one, many = looks
    more = many.agents - one.agents

    def each(name: str) -> tuple[float, float]:
        ours = (getattr(many.ours, name) - getattr(one.ours, name)) / more
        return ours, (getattr(many.edge3, name) - getattr(one.edge3, name)) / more

    requests, cpu = each("requests"), each("api_cpu_ms")
    reads, writes, pings = each("reads"), each("writes"), each("pings")
    half = "at most 1/2 of edge3's"
    section.lines += [
        Line("requests per agent and minute", "1/min", *requests, bar=half, met=requests[0] <= requests[1] / 2),
        Line("api-server CPU per agent and minute", "ms/min", *cpu, bar=half, met=cpu[0] <= cpu[1] / 2),
        Line(
            "statements per agent and minute that change rows",
            "1/min",
            *writes,
            bar=f"at most 1 per beat ({BEATS:.1f}/min)",
            # A window may hold one beat more than its length says.
            met=writes[0] <= BEATS + 60 / site.plan.idle_seconds,
        ),
        Line("statements per agent and minute that read", "1/min", *reads),
        Line("pings of Airflow's connection pool per agent and minute", "1/min", *pings),
        Line("api-server CPU, no agent", "ms/min", none.ours.api_cpu_ms, none.edge3.api_cpu_ms),
        Line("api-server CPU, 1 agent", "ms/min", one.ours.api_cpu_ms, one.edge3.api_cpu_ms),
        Line("statements, no agent", "1/min", none.ours.statements, none.edge3.statements),
        Line("statements, 1 agent", "1/min", one.ours.statements, one.edge3.statements),
        Line(f"statements, {many.agents} agents", "1/min", many.ours.statements, many.edge3.statements),
    ]
    section.notes.append(
        "What does not grow with the number of agents is our watcher (one question every 100 ms while "
        "anybody waits) and our reaper (every 2 s), in each API process."
    )
    for name, cost in (("ours", many.ours), ("edge3", many.edge3)):
        kinds = "; ".join(f"{count} x `{text[:60]}`" for text, count in cost.postgres_statements)
        section.notes.append(f"Most frequent statements with {many.agents} agents, {name}: {kinds}.")
