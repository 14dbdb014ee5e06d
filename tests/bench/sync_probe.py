"""Time ``sync()`` of an executor as a scheduler calls it: a program, run by the environment of its side.

``python sync_probe.py PATH CALLS``: adopts every task instance that runs, as a scheduler does that was just
started, then calls ``sync()`` so often and prints how long each call took.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

WARM_UP = 2
CALL_EVERY_SECONDS = 0.3
"""More than our executor's throttle."""


def main(path: str, calls: int) -> None:
    """Measure and print."""
    module, _, name = path.rpartition(".")
    kind: Any = getattr(import_module(module), name)
    # An executor with a clock of its own does nothing on most calls; here every call shall do its work.
    clock = _Clock()
    executor = kind(monotonic=clock) if name == "AgentExecutor" else kind()
    with create_session(scoped=False) as session:
        running = session.scalars(select(TaskInstance).where(TaskInstance.state == "running")).all()
        executor.job_id = running[0].queued_by_job_id
        executor.start()
        executor.try_adopt_task_instances(running)
        held = len(executor.running)
    seconds = []
    for _ in range(WARM_UP + calls):
        clock.seconds += CALL_EVERY_SECONDS
        begin = time.perf_counter()
        executor.sync()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"held": held, "left": len(executor.running), "seconds": seconds[WARM_UP:]}))


class _Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
