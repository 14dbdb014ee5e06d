"""The lock of the page's packages is whole, wherever it was written."""

from __future__ import annotations

import json
from pathlib import Path

LOCK = Path(__file__).parents[2] / "airflow_plugin" / "ui" / "package-lock.json"


def test_the_lock_names_what_other_machines_need_too_and_no_registry():
    """A registry without the packages of another machine leaves them out: then `npm ci` refuses the whole lock."""
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    wanted = {
        f"node_modules/{name}" for package in packages.values() for name in package.get("optionalDependencies", {})
    }
    held = {name[name.rindex("node_modules/") :] for name in packages if name}
    assert sorted(wanted - held) == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
