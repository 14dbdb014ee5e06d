"""The lines that keep the promises, how each is broken, and the tests that have to notice."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("breakages.toml")
PAGE = ROOT / "docs" / "explanation" / "promises.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")
TOO_LONG = ("tests/e2e/",)
"""Tests that take minutes each: they say that a promise is kept, and are not asked whether it is broken."""
SLOW = (
    "tests/integration/agent/test_handover.py",
    "tests/integration/agent/test_tasks.py",
    "tests/integration/agent/test_with_the_real_api.py",
    "tests/integration/airflow/",
    "tests/integration/api/",
    "tests/integration/queue/test_state_machine.py",
    "tests/integration/task_host/",
)
"""Tests that start parts of Airflow, or look for long: asked only where the others noticed nothing, unless
everything is wanted."""


@dataclass(frozen=True)
class Breakage:
    """One line that does not do its work. ``what``: how things are then, in words."""

    promise: int
    what: str
    file: str
    old: str
    new: str


def breakages() -> list[Breakage]:
    """Return the table."""
    return [Breakage(**each) for each in tomllib.loads(TABLE.read_text(encoding="utf-8"))["breakage"]]


def promises() -> dict[int, str]:
    """Return the number and the words of each promise."""
    headings = re.findall(r"^## (\d+)\. (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(number): words for number, words in headings}


def named_tests(promise: int) -> list[str]:
    """Return the tests that the page names for a promise, in its order, but for those that take minutes."""
    parts = re.split(r"^## (\d+)\. .+$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = parts[parts.index(str(promise)) + 1]
    return [each for each in NAMED.findall(text) if not each.startswith(TOO_LONG)]
