"""Advice against obvious slips in commands that are not listed. No security boundary: a slip is not an attack.

Whoever may send any command can write the same thing in a thousand other ways, and most deny lists are
known to be that weak. What is to hold, holds by listing the commands that may run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_BEGINS = r"""(?:^|[;&|(){`\n]|\b(?:sudo|exec|nohup|then|do|else)\s|\s-c\s['"]?)\s*(?:/[\w./-]*/)?"""
"""Where a word is a program: first, behind what separates commands, or behind what runs another one."""

DEFAULT: Mapping[str, str] = {
    "shutdown": _BEGINS + r"(?:shutdown|poweroff|halt)(?![\w.-])",
    "reboot": _BEGINS + r"reboot(?![\w.-])",
    "mkfs": _BEGINS + r"mkfs(?:\.\w+)?(?![\w.-])",
    "dd": _BEGINS + r"dd\s[^;&|\n]*\bof=/dev/(?!null\b|stdout\b|stderr\b|fd/)",
    "rm_root": _BEGINS + r"rm\s+(?:-\S+\s+)*-\S*[rR]\S*\s+(?:-\S+\s+)*/\*?(?:[\s;&|'\"]|$)",
    "fork_bomb": r"([\w:]+)\s*\(\s*\)\s*\{\s*\1\s*\|\s*\1\s*&\s*\}",
}
"""Name, and what it looks for. ``skip`` turns one off, ``patterns`` adds others."""


class Lint:
    """The patterns of one policy, by name."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._patterns = {name: re.compile(pattern) for name, pattern in patterns.items()}

    def complaint(self, command: str | Sequence[str]) -> str | None:
        """Return the name of the first pattern that finds something, or None."""
        text = command if isinstance(command, str) else " ".join(command)
        return next((name for name, pattern in self._patterns.items() if pattern.search(text)), None)
