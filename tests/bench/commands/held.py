"""A command that only sleeps, for as long as something is looked at."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.commands.dags import TASK_ID
from tests.bench.commands.sides import Family, Side
from tests.bench.commands.stage import Run, Stage
from tests.support.waiting import wait_until

LIMIT = 60.0


@dataclass(frozen=True)
class Held:
    """A command that sleeps. ``pid``: of its shell."""

    run: Run
    pid: int


@contextmanager
def held(stage: Stage, side: Side) -> Iterator[Held]:
    """Start the sleeping command of a side, wait until its task waits for it, and end it afterwards."""
    run = stage.start(side, "held")
    pid = int(
        wait_until(
            lambda: run.mark.read_text(encoding="ascii").strip(),
            what=f"the sleeping command of {side.name} runs",
            timeout=LIMIT,
            ignoring=(FileNotFoundError,),
        )
    )
    run.dag_run.wait_for_task(TASK_ID, "deferred" if side.defers else "running", timeout=LIMIT)
    yield Held(run, pid)
    run.dag_run.set_state(TASK_ID, "failed")
    if side.family is Family.SSH:
        # Nothing else ends it: a task that is marked failed leaves its remote job running.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what=f"the command of {side.name} ends", timeout=LIMIT)
