"""What is made once for all processes of a test run, by whichever needs it first.

With ``-n`` each process would otherwise make its own: the same migrated database, by seconds of CPU.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.process import run_folder

_VARIABLE = "TESTS_TOGETHER"


def come_together() -> None:
    """Say, in the process that starts all others, where they find what was made. It ends with this run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[_VARIABLE] = str(run_folder())


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return a file or folder of this run, which ``make`` makes unless one of its processes has; others wait for it.

    Nobody may change it. What ``make`` raises is raised, and the next one tries anew.
    """
    file = Path(os.environ[_VARIABLE]) / name
    with file.with_name(f"lock-of-{name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            unfinished = file.with_name(f"unfinished-{name}")
            if unfinished.is_dir():
                shutil.rmtree(unfinished)
            unfinished.unlink(missing_ok=True)
            make(unfinished)
            unfinished.rename(file)
    return file
