"""One Airflow, one sshd and one agent, and how a Dag of a side is run on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench.commands.dags import TASK_ID, write_dags
from tests.bench.commands.plan import Plan
from tests.bench.commands.sides import AGENT_CONNECTION, NOBODY, QUEUE, SSH_CONNECTION, Side
from tests.bench.database import Database
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.migrated import migrate
from tests.support.postgres import Postgres
from tests.support.sshd import Sshd
from tests.support.waiting import wait_until

PARALLELISM = 32
"""Airflow's own default, and so many workers its LocalExecutor has."""
SLOTS = 64
"""Commands that the agent runs at once: more than are started at once. An sshd has no such limit."""
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
    # Each Dag is read once: parsing it again and again would only disturb.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}
CONFUSED = "finished with state success, but the task instance's state attribute is"
"""What the scheduler says of a deferred task that came back before it had heard that the first worker is done."""
ATTEMPTS = 8
_TASKS = (
    "SELECT state, map_index, extract(epoch FROM start_date)::float AS start, "
    "extract(epoch FROM end_date)::float AS end FROM task_instance WHERE dag_id = %s AND run_id = %s"
)


@dataclass
class Run:
    """One run of a Dag. ``mark``: the file into which its command writes, where it does."""

    stage: Stage
    side: Side
    dag_run: DagRun
    mark: Path

    def tasks(self) -> list[dict[str, Any]]:
        """Return state, start and end of its tasks; the times are seconds since 1970."""
        return self.stage.database.rows(_TASKS, self.dag_run.dag_id, self.dag_run.run_id)

    def ended(self, timeout: float) -> list[dict[str, Any]]:
        """Wait until all tasks have ended, one way or another, and return them."""
        over = ("success", "failed", "skipped", "upstream_failed", "removed")
        return wait_until(
            self.tasks,
            until=lambda rows: rows and all(row["state"] in over for row in rows),
            what=f"{self.dag_run.dag_id} ends",
            timeout=timeout,
        )

    def failed_by_scheduler(self) -> int:
        """Return how many of its tasks the scheduler took for dead."""
        return sum(self.dag_run.run_id in line for line in self.stage.confusions())

    def log(self, task: dict[str, Any]) -> str:
        """Return the log of one of its tasks."""
        return self.dag_run.log(TASK_ID, map_index=task["map_index"])

    def wait(self, timeout: float) -> list[dict[str, Any]]:
        """Wait until all tasks have ended well, and return them.

        :raises AssertionError: with the log of one that has not succeeded, unless that was the scheduler's doing.
        """
        tasks = self.ended(timeout)
        failed = [task for task in tasks if task["state"] != "success"]
        if failed and len(failed) > self.failed_by_scheduler():
            raise AssertionError(f"{self.dag_run.dag_id} {failed[0]}:\n{self.log(failed[0])}")
        return tasks

    def log_files(self) -> list[Path]:
        """Return the files in which Airflow has the logs of its tasks: of workers, and of the triggerer."""
        logs = self.stage.bed.home / "logs" / f"dag_id={self.dag_run.dag_id}" / f"run_id={self.dag_run.run_id}"
        return sorted(path for path in logs.rglob("*") if path.is_file())


@dataclass
class Stage:
    """Everything a measurement needs. ``home``: where all files of the run are. ``say``: tells how far it is."""

    plan: Plan
    home: Path
    sides: Sequence[Side]
    say: Callable[[str], None]
    bed: AirflowBed
    database: Database
    sshd: Sshd
    host: AgentHost
    submit_token: str
    confused: Counter[str] = field(default_factory=Counter)
    """Runs that were made again, by the name of their side, since it was last asked."""
    _numbers: Iterator[int] = field(default_factory=count)

    def once(self, side: Side, kind: str, timeout: float) -> tuple[Run, dict[str, Any]]:
        """Run a Dag of one task to its good end; return the run and the task. Again, where the scheduler failed it."""
        for _ in range(ATTEMPTS):
            run = self.start(side, kind)
            (task,) = run.wait(timeout)
            if task["state"] == "success":
                return run, task
            self.confused[side.name] += 1
        raise AssertionError(f"{kind} of {side.name}: the scheduler has failed it {ATTEMPTS} times")

    def confusions(self) -> list[str]:
        """Return what the scheduler said when it failed a deferred task because it heard of its first half too late."""
        said = self.bed.parts["scheduler"].process.output()
        return [line for line in said.splitlines() if CONFUSED in line]

    def notes(self) -> list[str]:
        """Say how many runs were made again, and forget it."""
        said = [
            f"{name}: {times} of its runs did not count and were made again, because Airflow's scheduler failed the "
            "task: it heard that the executor is done with the first half of a deferred task when the second was "
            "running already."
            for name, times in self.confused.items()
        ]
        self.confused.clear()
        return said

    def start(self, side: Side, kind: str) -> Run:
        """Start a run of one of a side's Dags."""
        mark = self.home / "marks" / f"{kind}-{side.key}-{next(self._numbers)}"
        dag_run = self.bed.rest.trigger(f"{kind}_{side.key}", {"mark": str(mark)})
        return Run(self, side, dag_run, mark)


@contextmanager
def stage(plan: Plan, home: Path, sides: Sequence[Side], say: Callable[[str], None]) -> Iterator[Stage]:
    """Bring everything up, and end it all in the end."""
    (home / "marks").mkdir()
    with Postgres() as postgres, Sshd(home / "sshd") as sshd:
        name = postgres.create()
        migrate(postgres.url(name), home)
        dag_ids = write_dags(home / "source", sides, plan, home / "ssh-jobs")
        bed = AirflowBed(
            home / "airflow",
            postgres.url(name),
            dags=home / "source",
            executor="LocalExecutor",
            settings=SETTINGS,
            pace={},
        )
        database = Database(postgres, name)
        database.run("UPDATE slot_pool SET slots = 1000")
        try:
            for part in bed.parts:
                bed.start(part)  # one after the other: on two CPUs each has its time to come up
                say(f"{part} is up")
            token, host = _connect(bed, sshd, home)
            with host:
                _warm_up(bed, database, dag_ids)
                yield Stage(plan, home, sides, say, bed, database, sshd, host, token)
        finally:
            database.close()
            bed.__exit__()


def _connect(bed: AirflowBed, sshd: Sshd, home: Path) -> tuple[str, AgentHost]:
    """Make the connections, and a host with an agent for commands only, which loads what a bare package has."""
    bed.rest.set_connection(SSH_CONNECTION, **sshd.connection())
    submit = bed.create_token("bench-submit", [QUEUE, NOBODY], kind="submit")
    agent: Mapping[str, Any] = {"conn_type": "edge_agent", "host": "127.0.0.1", "port": bed.port, "schema": "http"}
    bed.rest.set_connection(AGENT_CONNECTION, **agent, password=submit)
    host = AgentHost(
        home / "host",
        url=bed.url,
        name="bench",
        token=bed.create_token("bench", [QUEUE]),
        queues=[QUEUE],
        slots=SLOTS,
        settings={"EDGE_AGENT_KINDS": "command"},
    )
    return submit, host


def _warm_up(bed: AirflowBed, database: Database, dag_ids: set[str]) -> None:
    """Wait until the Dags are read and the agent is there."""
    bed.rest.wait_for_dags(dag_ids)
    bed.stop("dag-processor")
    wait_until(
        lambda: database.value("SELECT count(*) FROM edge_agent WHERE state = 'connected'"),
        what="the agent is registered",
        timeout=60,
    )
