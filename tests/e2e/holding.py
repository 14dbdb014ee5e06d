"""A run of one of the holding Dags: who started where, and letting them go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.ledger import Entry, read
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Holding:
    """One run whose task goes on until :meth:`release`."""

    run: DagRun
    folder: Path

    @classmethod
    def begin(cls, bed: AirflowBed, queue: str, folder: Path, **params: object) -> Holding:
        """Trigger a run that keeps its ledger in ``folder``."""
        bed.rest.wait_for_dags({f"hold_{queue}"})
        return cls(bed.rest.trigger(f"hold_{queue}", {"folder": str(folder), **params}), folder)

    def ledger(self) -> list[Entry]:
        """Return what the tasks wrote."""
        return read(self.folder / "ledger")

    def starts(self) -> list[Entry]:
        """Return the starts."""
        return [entry for entry in self.ledger() if entry.event == "start"]

    def wait_started(self, count: int = 1, timeout: float = 60) -> Entry:
        """Wait until that many tasks have started; return the last start."""
        started = wait_until(
            self.starts, until=lambda starts: len(starts) >= count, what=f"{count} starts", timeout=timeout
        )
        return started[-1]

    def release(self) -> None:
        """Let every task of the run end."""
        (self.folder / "release").touch()

    def succeeds(self, timeout: float = 120) -> bool:
        """Let go, and wait for the run's end."""
        self.release()
        return self.run.wait(timeout) == "success"


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
