"""Let both systems meet the faults: ``python -m tests.bench.faults``, or `make bench-faults`.

With ``FAULTS=terminated,upgraded`` in the environment it makes only these and writes nothing to the docs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.bench.faults import work
from tests.bench.faults.page import PAGE, PICTURE, Outcome, page
from tests.bench.faults.picture import draw
from tests.bench.faults.scripts import FAULTS, Fault, chosen_faults, warm_up
from tests.bench.faults.sides import Ours, Side, Stock
from tests.bench.faults.story import Story
from tests.bench.faults.trial import Trial
from tests.bench.systems import both
from tests.support.process import left_behind

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".bench-faults"
"""Where all files of a run are; made anew by each."""
DOCS = ROOT / "docs"
WARM = "warm"
"""A queue for the first task of each system, which meets no fault."""


class Run:
    """One run: all chosen faults on both systems, as many at the same time as do not disturb each other."""

    def __init__(self, chosen: Sequence[Fault]) -> None:
        self.chosen = chosen
        self.stories: list[Story] = []
        self.failed: dict[str, str] = {}
        self.begin = time.monotonic()
        self.load_before = os.getloadavg()[0]

    async def everything(self, sides: Sequence[Side]) -> None:
        """Let both systems meet the faults, side by side."""
        await asyncio.gather(*map(self._one_side, sides))

    def outcome(self) -> Outcome:
        """Return what became of all, in the order of the table."""
        order = [fault.key for fault in self.chosen]
        stories = sorted(self.stories, key=lambda story: order.index(story.fault))
        return Outcome(self.chosen, stories, self.failed, (time.monotonic() - self.begin) / 60, self.load_before)

    def say(self, what: str) -> None:
        """Tell what happens."""
        print(f"[{time.monotonic() - self.begin:5.0f} s] {what}", file=sys.stderr, flush=True)

    async def _one_side(self, side: Side) -> None:
        await warm_up(Trial(side, WARM, self.say))
        async with asyncio.TaskGroup() as group:
            for fault in sorted(self.chosen, key=lambda fault: not fault.disturbs):
                trial = Trial(side, fault.key, self.say)
                group.create_task(self._attempt(trial, fault))
                await trial.next_may_begin.wait()

    async def _attempt(self, trial: Trial, fault: Fault) -> None:
        try:
            await fault.script(trial, fault)
            self.stories += trial.stories(fault.key)
        except Exception as error:  # noqa: BLE001  the outer edge of one trial: the others go on
            traceback.print_exc()
            self.failed[f"{trial.side.name}, {fault.key}"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        finally:
            trial.next_may_begin.set()
            trial.end()
            self.say(f"{trial.side.name}, {fault.key}: over")


def main() -> int:
    """Run, print, write; return 1 when something could not be measured."""
    run = Run(chosen_faults(os.environ.get("FAULTS", "")))
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    run.say(f"{len(run.chosen)} faults on both systems, everything below {HOME}")
    queues = [WARM, *(fault.key for fault in run.chosen)]
    with both(HOME, lambda folder, alias: work.write_dags(folder, queues, executor=alias)) as (_, stock, ours):
        token = ours.bed.create_token("faults", queues)
        for system in (stock, ours):
            system.bed.rest.wait_for_dags(system.dag_ids)
        run.say("both systems are up")
        asyncio.run(run.everything([Stock(stock, HOME / "stock-hosts"), Ours(ours, HOME / "our-hosts", token)]))
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    outcome = run.outcome()
    text = page(outcome)
    in_full = run.chosen is FAULTS and not outcome.failed
    draw(outcome, HOME / "faults.png")
    for folder in [HOME, *([DOCS] if in_full else [])]:
        (folder / PAGE).write_text(text, encoding="utf-8")
        draw(outcome, folder / PICTURE)
        run.say(f"written: {folder / PAGE}")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
