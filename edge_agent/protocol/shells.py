"""The shells a command may ask for."""

from __future__ import annotations

from enum import StrEnum


class Shell(StrEnum):
    """What reads a command that is a text."""

    SH = "sh"
    BASH = "bash"
    PWSH = "pwsh"
