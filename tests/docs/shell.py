"""The command lines of shell examples, and who tries each."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from tests.docs.documents import Block, blocks

_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One command as words. ``variables``: what is set before it on its line. ``text``: as it is printed."""

    where: str
    text: str
    variables: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where} {' '.join(self.words)}"

    def begins(self, *words: str) -> bool:
        """Whether these are its first words."""
        return self.words[: len(words)] == words


def commands_of(block: Block) -> list[Command]:
    """Return the commands of one example. Lines that end with a backslash go on in the next."""
    whole = re.sub(r"\\\n", "  ", block.text)
    name = str(block).rpartition(":")[0]
    lines = enumerate(whole.splitlines(), block.line + 1)
    return [_command(f"{name}:{number}", line) for number, line in lines if shlex.split(line, comments=True)]


def commands(*words: str) -> list[Command]:
    """Return the commands of all shell examples that begin with these words."""
    return [each for block in blocks("sh") for each in commands_of(block) if each.begins(*words)]


def _command(where: str, line: str) -> Command:
    words = shlex.split(line, comments=True)
    count = next((number for number, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))
    return Command(where, line.strip(), tuple(words[:count]), tuple(words[count:]))
