"""Run the benchmark: ``python -m tests.bench``, or `make bench`.

With ``QUICK=1`` in the environment it only tries the harness: small numbers, nothing is written to the docs.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.bench.cycles import measure_cycles
from tests.bench.dispatch import measure_dispatch
from tests.bench.document import Outcome, in_words, page
from tests.bench.figures import Section
from tests.bench.idle import WarmMemory, add_warm_memory, measure_idle
from tests.bench.log_lag import measure_log_lag
from tests.bench.plan import FULL, QUICK
from tests.bench.plot import draw
from tests.bench.synchronization import measure_sync
from tests.bench.systems import Site, site, start_agent, start_edge3_worker
from tests.bench.throughput import measure_throughput
from tests.bench.waiting_work import keep_pattern
from tests.support.process import left_behind

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".bench"
"""Where all files of a run are; made anew by each."""
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "benchmarks.svg"


class Run:
    """One run: makes the measurements one after another, and keeps what each brought."""

    def __init__(self) -> None:
        self.plan = QUICK if os.environ.get("QUICK", "0") not in ("", "0") else FULL
        self.sections: list[Section] = []
        self.failed: dict[str, str] = {}
        self.begin = time.monotonic()
        self.load_before = os.getloadavg()[0]

    def everything(self, site: Site) -> None:
        """Measure with Airflow's schedulers, then without."""
        self._prepare(site)
        with_workers = (measure_dispatch, measure_throughput, measure_log_lag)
        warm = WarmMemory.of(site)
        for measure in with_workers:
            self._attempt(measure, site)
        for system in site.systems:
            system.stop_workers()
            keep_pattern(system)
        for measure in (measure_idle, measure_cycles, measure_sync):
            self._attempt(measure, site)
        for section in self.sections:
            if section.key == "idle":
                add_warm_memory(section, warm)

    def outcome(self) -> Outcome:
        """Return what was measured so far."""
        minutes = (time.monotonic() - self.begin) / 60
        return Outcome(self.plan, self.sections, self.failed, minutes, self.load_before)

    def say(self, what: str) -> None:
        """Tell how far it is."""
        print(f"[{time.monotonic() - self.begin:5.0f} s] {what}", file=sys.stderr, flush=True)

    def _prepare(self, site: Site) -> None:
        """Load the Dags, and start a worker for each variant."""
        for system in site.systems:
            system.bed.rest.wait_for_dags(system.dag_ids)
            system.bed.stop("dag-processor")
        start_edge3_worker(site, "edge3-5s", site.stock.variants[0].queue)
        start_edge3_worker(site, "edge3-1s", site.stock.variants[1].queue, poll_seconds=1)
        start_agent(site, "edge-agent", site.ours.variants[0].queue)
        self.say("both systems are up")

    def _attempt(self, measure: Callable[[Site], Section], site: Site) -> None:
        try:
            section = measure(site)
        except Exception as error:  # noqa: BLE001  the outer edge of one measurement: the others go on
            traceback.print_exc()
            self.failed[measure.__name__] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            return
        self.sections.append(section)
        self.say(f"{section.title}: measured")


def main() -> int:
    """Run, print, write; return 1 when something could not be measured."""
    run = Run()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    run.say(f"plan {run.plan.name}, everything below {HOME}")
    with site(run.plan, HOME) as made:
        run.everything(made)
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    outcome = run.outcome()
    print(in_words(outcome))
    if run.plan is FULL:
        PAGE.write_text(page(outcome), encoding="utf-8")
        draw(outcome.sections, PICTURE)
        run.say(f"written: {PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}")
    else:
        draw(outcome.sections, HOME / "benchmarks.png")
        (HOME / "benchmarks.md").write_text(page(outcome), encoding="utf-8")
        run.say(f"nothing written to docs; see {HOME}/benchmarks.md and .png")
    if outcome.failed:
        run.say(f"not everything could be measured; logs are below {HOME}")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
