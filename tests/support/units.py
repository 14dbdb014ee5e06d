"""How tests are shared out among the processes of a run: file by file, but together where something dear is shared.

Whatever lasts for a whole session, such as an Airflow, each process makes for itself. Tests that need the same one all
run in one process; it begins with them, so that it is not the last to be ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xdist.scheduler import LoadFileScheduling

TOGETHER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "the page": ("tests/e2e/page/",),
        "the API of all apps": ("tests/integration/api/",),
        "two servers that measure": ("tests/integration/metrics/",),
        "a warm host": ("tests/integration/task_host/",),
        "a server on Postgres": (
            "tests/integration/agent/test_faults_on_the_way.py",
            "tests/integration/agent/test_networks.py",
        ),
        "a server on SQLite": (
            "tests/integration/agent/test_with_the_real_api.py",
            "tests/integration/agent/test_locked_sqlite.py",
        ),
    }
)
"""What shares an Airflow, or another thing that takes long to start: folders and files, by a name of the whole."""

APART = ("tests/integration/api/test_fab.py", "tests/integration/api/test_openapi.py")
"""Files in those folders that have one of their own, or none."""


def unit_of(nodeid: str) -> str:
    """Return what a test belongs to: what is run in one process, by its name, or its file."""
    file = nodeid.partition("::")[0]
    shared = (name for name, places in TOGETHER.items() if file.startswith(places) and file not in APART)
    return next(shared, file)


class Units(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Hands out whole units."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
