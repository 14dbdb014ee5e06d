"""Take logs to the host's log store that it did not take at the end of their tasks.

Run as ``python -m edge_agent.task_host.late_logs <folder>``, with the environment of tasks. The folder is laid out
like Airflow's; what the store has is removed from it. Exit code 1: it does not have all.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_agent.task_host.environment import TASK_LOGS
from edge_agent.task_host.errors import TaskHostError


def main(folder: Path) -> int:
    """Take what there is, oldest first."""
    from edge_agent.task_host import log_store

    try:
        log_store.check(os.environ.pop(TASK_LOGS, "push"))
    except TaskHostError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    handler = log_store.aim(folder)
    logs = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
    failed = [log for log in logs if not _take(handler, folder, log)]
    return 1 if failed else 0


def _take(handler: Any, folder: Path, log: Path) -> bool:
    from edge_agent.task_host import log_store

    relative = log.relative_to(folder).as_posix()
    try:
        if not log_store.has(handler, folder, relative):  # an attempt that died may have taken it
            handler.upload(relative, None)
            if not log_store.has(handler, folder, relative):
                sys.stderr.write(f"The log store did not take {relative}.\n")
                return False
    except Exception:  # noqa: BLE001  handlers raise what they like; one log must not keep back the others
        traceback.print_exc()
        return False
    log.unlink(missing_ok=True)
    for parent in log.relative_to(folder).parents[:-1]:
        with suppress(OSError):  # it is gone, or others wait there
            (folder / parent).rmdir()
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
