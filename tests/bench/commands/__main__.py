"""Run it: ``python -m tests.bench.commands``, or `make bench-commands`.

With ``QUICK=1`` in the environment it only tries the harness, with ``PARTS=times,log`` it makes only these
measurements, with ``SIDES=bash,ssh`` only with these operators; then nothing is written to the docs.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench.commands.crowd import measure_crowd
from tests.bench.commands.figures import Section
from tests.bench.commands.host_memory import measure_host_memory
from tests.bench.commands.loud import measure_log
from tests.bench.commands.page import PAGE, PICTURE, Outcome, in_words, page
from tests.bench.commands.picture import draw
from tests.bench.commands.plan import FULL, QUICK, Plan
from tests.bench.commands.reasons import REASONS
from tests.bench.commands.sides import SIDES, Side
from tests.bench.commands.stage import Stage, stage
from tests.bench.commands.times import measure_times
from tests.bench.commands.waiting import measure_waiting
from tests.support.process import left_behind

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".bench-commands"
"""Where all files of a run are; made anew by each."""
DOCS = ROOT / "docs"
PARTS: Mapping[str, Callable[[Stage], Section]] = {
    "times": measure_times,
    "crowd": measure_crowd,
    "log": measure_log,
    "memory": measure_host_memory,
    # The last one: it stops the scheduler.
    "waiting": measure_waiting,
}


class Run:
    """One run: makes the chosen measurements one after another, and keeps what each brought."""

    def __init__(self, plan: Plan, parts: Sequence[str], sides: Sequence[Side]) -> None:
        self.plan, self.parts, self.sides = plan, parts, sides
        self.sections: list[Section] = []
        self.failed: dict[str, str] = {}
        self.begin = time.monotonic()
        self.load_before = os.getloadavg()[0]

    @property
    def is_whole(self) -> bool:
        """Whether this is the run for the docs."""
        return self.plan is FULL and len(self.parts) == len(PARTS) and len(self.sides) == len(SIDES)

    def everything(self, stage: Stage) -> None:
        """Measure."""
        self.say("Airflow, sshd and the agent are up")
        for part in self.parts:
            try:
                self.sections.append(PARTS[part](stage))
            except Exception as error:  # noqa: BLE001  the outer edge of one measurement: the others go on
                traceback.print_exc()
                self.failed[part] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            else:
                self.say(f"{self.sections[-1].title}: measured")

    def outcome(self) -> Outcome:
        """Return what was measured so far."""
        minutes = (time.monotonic() - self.begin) / 60
        return Outcome(self.plan, tuple(PARTS), self.sections, self.failed, REASONS, minutes, self.load_before)

    def say(self, what: str) -> None:
        """Tell how far it is."""
        print(f"[{time.monotonic() - self.begin:5.0f} s] {what}", file=sys.stderr, flush=True)


def chosen(asked: str, there: Sequence[str]) -> list[str]:
    """Return the keys that are asked for, in their own order; all when nothing is.

    :raises SystemExit: when one is not there, naming those that are.
    """
    wanted = {word for word in asked.replace(" ", "").split(",") if word}
    if unknown := wanted - {*there}:
        raise SystemExit(f"{', '.join(sorted(unknown))}: not there; there are {', '.join(there)}")
    return [key for key in there if not wanted or key in wanted]


def main() -> int:
    """Run, print, write; return 1 when something could not be measured, or is worse without a reason."""
    plan = QUICK if os.environ.get("QUICK", "0") not in ("", "0") else FULL
    parts = chosen(os.environ.get("PARTS", ""), [*PARTS])
    keys = chosen(os.environ.get("SIDES", ""), [side.key for side in SIDES])
    run = Run(plan, parts, [side for side in SIDES if side.key in keys])
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    run.say(f"plan {plan.name}: {', '.join(parts)}; everything below {HOME}")
    with stage(plan, HOME, run.sides, run.say) as made:
        run.everything(made)
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    outcome = run.outcome()
    print(in_words(outcome))
    docs = DOCS if run.is_whole else HOME
    (docs / PAGE).write_text(page(outcome), encoding="utf-8")
    draw(outcome.sections, docs / PICTURE)
    run.say(f"written: {(docs / PAGE).relative_to(ROOT)} and its picture")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
