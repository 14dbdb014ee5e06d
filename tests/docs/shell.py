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


def is_script(block: Block) -> bool:
    """Whether an example is a whole file that some shell runs."""
    return block.text.startswith("#!")


def commands_of(block: Block) -> list[Command]:
    """Return the commands of one example; none of a script. Lines that end with a backslash go on in the next.

    Of a console it is what stands behind a ``$``; the rest is what was answered.
    """
    name, _, first = str(block).rpartition(":")
    text = re.sub(r"\\\n", "  ", block.text)
    if block.language == "console":
        text = re.sub(r"(?m)^(\$ )?(.*)$", lambda line: line[2] if line[1] else "", text)
    lines = [] if is_script(block) else enumerate(text.splitlines(), int(first) + 1)
    found = [_command(f"{name}:{number}", line) for number, line in lines if shlex.split(line, comments=True)]
    return [command for command in found if command.words]


def commands(*words: str) -> list[Command]:
    """Return the commands of all shell examples that begin with these words."""
    return [each for block in blocks("sh", "console") for each in commands_of(block) if each.begins(*words)]


def variables() -> list[str]:
    """Return the names that shell examples set without running anything."""
    lines = [line for block in blocks("sh") if not is_script(block) for line in block.text.splitlines()]
    return [line.partition("=")[0] for line in lines if _ASSIGNMENT.fullmatch(line) and len(shlex.split(line)) == 1]


def _command(where: str, line: str) -> Command:
    words = shlex.split(line, comments=True)
    count = next((number for number, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))
    return Command(where, line.strip(), tuple(words[:count]), tuple(words[count:]))
