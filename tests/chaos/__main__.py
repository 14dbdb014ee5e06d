"""Run it: ``MINUTES=3 SEED=1 python -m tests.chaos``, or `make chaos`. Exit code 1 when the audit complains."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.chaos.audit import Books
from tests.chaos.faults import Fault, schedule
from tests.chaos.load import Load
from tests.chaos.site import Site, site
from tests.chaos.timeline import draw
from tests.support.agent_host import leave
from tests.support.airflow_rest import AirflowRest
from tests.support.line import Line
from tests.support.process import left_behind
from tests.support.waiting import NeverHappenedError, wait_until

HOME = Path(__file__).parents[2] / ".chaos"
"""Where all files of a run are; made anew by each."""
CALM_SECONDS = 240.0
"""How long everything may take to come to its end when nothing dies any more."""
TURN_SECONDS = 0.5


class Run:
    """One run: faults and load side by side, then calm, then the audit."""

    def __init__(self, minutes: float, seed: int) -> None:
        self.seconds = minutes * 60
        self.seed = seed
        self.faults = schedule(seed, self.seconds)
        self.begin = time.monotonic()
        self.wall_begin = time.time()

    def say(self, what: str) -> None:
        """Tell what happens, on the clock of the schedule."""
        print(f"[{self.now:6.1f} s] {what}", flush=True)

    @property
    def now(self) -> float:
        """Seconds since the first turn."""
        return time.monotonic() - self.begin

    def storm(self, site: Site, load: Load) -> None:
        """Let everything happen that the schedule says."""
        self.begin, self.wall_begin = time.monotonic(), time.time()
        to_come = list(self.faults)
        going: list[Fault] = []

        def turn() -> bool:
            for fault in [each for each in going if each.end <= self.now]:
                fault.heal(site)
                going.remove(fault)
            site.look_after()  # before the next fault: on a busy machine one may take longer than the pause after it
            if to_come and to_come[0].begin <= self.now:
                fault = to_come.pop(0)
                self.say(str(fault))
                fault.inflict(site)
                going.append(fault)
            load.turn(self.now)
            return self.now >= self.seconds and not going

        wait_until(turn, what="the storm is over", timeout=self.seconds + 120, interval=TURN_SECONDS)

    def calm(self, site: Site, load: Load) -> Books:
        """Wait until every run and every job has come to its end, or will never; return the books."""
        self.say("calm")
        site.down.clear()

        def at_rest() -> bool:
            site.look_after()
            with suppress(Exception):  # what was just started may not answer yet
                load.withdraw(float("inf"))
            books = Books.open(site.ledger, site.database_url)
            return not (load.has_unwanted or books.open_runs() or books.open_jobs())

        with suppress(NeverHappenedError):  # the audit says what is stuck
            wait_until(at_rest, what="all has ended", timeout=CALM_SECONDS, interval=2)
        return Books.open(site.ledger, site.database_url)


def main() -> int:
    """Run, audit, draw."""
    minutes, seed = float(os.environ.get("MINUTES", "3")), int(os.environ.get("SEED", "1"))
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    run = Run(minutes, seed)
    run.say(f"{minutes:g} minutes, seed {seed}, {len(run.faults)} faults; everything below {HOME}")
    with site(HOME) as made:
        line = Line(made.api_ports)
        load = Load(AirflowRest(line.url), seed)
        try:
            run.storm(made, load)
            books = run.calm(made, load)
            complaints = [*books.complaints(), *leave(made.hosts.values())]
        finally:
            load.rest.close()
            line.close()
    draw(books, run.faults, run.wall_begin, HOME / "timeline.svg")
    complaints += [f"left: {each}" for each in left_behind()]
    run.say(books.summary())
    for complaint in complaints:
        print(complaint)
    run.say(f"seed {seed}: {len(complaints)} complaints; timeline in {HOME}/timeline.svg")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
