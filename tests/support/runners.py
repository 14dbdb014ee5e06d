"""The runners for commands, as an agent with a state directory would have them."""

from __future__ import annotations

from pathlib import Path

from edge_agent.runners.base import Runner
from edge_agent.runners.local import LocalRunner

NAMES = ("local",)


def runner_named(name: str, state: Path) -> Runner:
    """Make the runner of this name."""
    (state / "attempts").mkdir(parents=True, exist_ok=True)
    return {"local": LocalRunner}[name]()
