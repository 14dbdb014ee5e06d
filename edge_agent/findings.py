"""What ``edge-agent check`` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    """As it should be."""

    NOTE = "note"
    """Worth knowing; the agent works all the same."""

    FAIL = "FAIL"
    """The agent will not work before this is mended."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. The text of what fails says what to do."""

    level: Level
    subject: str
    text: str
