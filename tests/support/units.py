"""How tests are shared out among the processes of a run: file by file, but together where something dear is shared.

Whatever lasts for a whole session, such as an Airflow, each process makes for itself. Tests that need the same one all
run in one process; it begins with them, so that it is not the last to be ready.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/e2e/page/", "tests/integration/api/")
"""Folders whose tests share an Airflow."""

APART = ("tests/integration/api/test_fab.py", "tests/integration/api/test_openapi.py")
"""Files in them that have one of their own, or none."""


def unit_of(nodeid: str) -> str:
    """Return what a test belongs to: a folder that is run in one process, or its file."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder) and file not in APART), file)


class Units(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Hands out whole units."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
