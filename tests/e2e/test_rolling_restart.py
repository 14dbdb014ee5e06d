"""Two API servers, two schedulers and their database are restarted under load: nothing fails, nothing runs twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.holding import Holding
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.fault_proxy import FaultProxy
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
QUEUE = "rolling"
SLOTS = 3
"""Of each of the two hosts."""


@dataclass
class Replicas:
    """The parts of the bed that stand side by side, and two hosts with a line to both API servers."""

    bed: AirflowBed
    names: list[str]
    hosts: list[AgentHost]
    held: list[Holding] = field(default_factory=list)

    def begin(self, folder: Path, count: int, *, starts: int = 0) -> Holding:
        """Trigger a run of so many tasks, and wait until some of them hold."""
        folder.mkdir()
        held = Holding.begin(self.bed, QUEUE, folder, count=count)
        self.held.append(held)
        held.wait_started(starts, timeout=180) if starts else None
        return held

    def load(self, folder: Path) -> Holding:
        """Trigger more than fits: tasks that hold, one that waits for a slot, and a run that has not begun."""
        held = self.begin(folder, 2 * SLOTS, starts=2 * SLOTS - 1)
        self.begin(folder.with_name(f"{folder.name}-more"), 2).release()
        return held

    def restart(self, name: str) -> None:
        """Restart a part in order, as an upgrade does."""
        process = self.bed.parts[name].process
        process.send(signal.SIGTERM)
        process.wait(60)
        process.kill_family()
        self.bed.start(name)

    def look_after(self) -> None:
        """Start what has ended, or is about to, as a service manager does, until all is well."""
        parts = [*self.names, "dag-processor", "triggerer"]
        since = datetime.now(tz=UTC)  # one that is about to end has not beaten after that

        def all_is_well() -> bool:
            if ended := [name for name in parts if not self.bed.parts[name].process.is_running]:
                self.bed.launch(*ended)
            self.bed.wait_healthy(*parts)
            return self.bed.beats_since(since, *parts)

        wait_until(all_is_well, what="all parts are healthy", timeout=240, ignoring=(AssertionError,))

    def nothing_was_lost_or_repeated(self) -> None:
        """Wait for every run's end: each task had one try and one start, and no agent was taken for lost."""
        for held in self.held:
            assert held.succeeds(300)
            tasks = held.run.rest.ask("GET", f"{held.run.path}/taskInstances", params={"limit": 1000})
            assert {each["try_number"] for each in tasks["task_instances"]} == {1}
            assert set(Counter((entry.event, entry.what) for entry in held.ledger()).values()) == {1}
        for host in self.hosts:
            assert host.output().count("event=registered") == 1


@pytest.fixture
def replicas(bed: AirflowBed, make_host: Callable[..., AgentHost]) -> Iterator[Replicas]:
    """Give a second API server and a second scheduler, for one test."""
    before = set(bed.parts)
    other, scheduler = bed.add_api_server(), bed.add_scheduler()
    names = ["api-server", *sorted(set(bed.parts) - before - {scheduler}), "scheduler", scheduler]
    line = FaultProxy([int(bed.parts[name].process.environment["AIRFLOW__API__PORT"]) for name in names[:2]])
    port = line.url.rpartition(":")[2]
    made = [make_host(f"{QUEUE}-{port}-{n}", QUEUE, slots=SLOTS, EDGE_AGENT_URL=line.url) for n in (1, 2)]
    try:
        with made[0], made[1]:
            yield Replicas(bed, names, made)
    finally:
        line.close()
        other.close()
        for name in set(bed.parts) - before:
            bed.stop(name)
            del bed.parts[name]


def test_a_rolling_restart_of_api_servers_and_schedulers_costs_nothing(replicas: Replicas, tmp_path: Path):
    replicas.begin(tmp_path / "through", 1, starts=1)
    for name in replicas.names:
        held = replicas.load(tmp_path / name)
        replicas.restart(name)
        held.release()
    replicas.nothing_was_lost_or_repeated()


def test_a_database_that_is_restarted_and_one_that_crashes_cost_nothing(
    replicas: Replicas, postgres: Postgres, tmp_path: Path
):
    """In order and by SIGKILL; agents have seen that it was away. What ends without it is started again."""
    replicas.begin(tmp_path / "through", 1, starts=1)
    for number, end in enumerate((postgres.stop, postgres.kill)):
        held = replicas.load(tmp_path / str(number))
        away = [host.output().count("event=contact_lost") for host in replicas.hosts]
        end()
        try:
            noticed = lambda before=away: [  # noqa: E731  asked again and again
                host.output().count("event=contact_lost") > times
                for host, times in zip(replicas.hosts, before, strict=True)
            ]
            wait_until(noticed, until=all, what="every agent hears that the database is away", timeout=60)
            held.release()
        finally:
            postgres.start()
        replicas.look_after()
    replicas.nothing_was_lost_or_repeated()
