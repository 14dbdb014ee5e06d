"""The lock of the page's packages: `npm ci` takes it on every machine, from whichever registry that is set to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

UI = Path(__file__).parents[2] / "airflow_plugin" / "ui"
LOCK: dict[str, dict[str, Any]] = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def test_the_lock_names_no_registry():
    assert [path for path, package in LOCK.items() if "resolved" in package] == []


def test_every_package_has_its_hash():
    assert [path for path, package in LOCK.items() if path and "integrity" not in package] == []


def test_the_lock_holds_what_other_machines_need():
    """A package of another platform that is not in it makes `npm ci` refuse the whole lock, on every platform."""
    names = {path.rpartition("node_modules/")[2] for path in LOCK}
    wanted = {name for package in LOCK.values() for name in package.get("optionalDependencies", {})}
    assert sorted(wanted - names) == []
