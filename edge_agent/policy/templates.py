"""A listed command's words: each a fixed text, or a fixed beginning and end around one typed value.

Matched word by word. There is no joined line to be taken apart again, no pattern over one, and no shell.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.policy.values import Value, value_of


class Mismatch(ValueError):
    """A command is not what a template says. The message says where, and repeats no value."""


@dataclass(frozen=True)
class _Word:
    """``written``: as the policy has it. Without a ``value``, ``before`` is the whole word."""

    written: str
    before: str
    after: str = ""
    name: str = ""
    value: Value | None = None

    def accept(self, text: str) -> str:
        """Return what the command gets for a text.

        :raises ValueError: saying what it would have to be.
        """
        if self.value is None:
            if text != self.before:
                msg = f"must be {self.before!r}"
                raise ValueError(msg)
            return text
        end = len(text) - len(self.after)
        fits = len(self.before) <= end and text.startswith(self.before) and text.endswith(self.after)
        if not fits:
            msg = f"must look like {self.written}"
            raise ValueError(msg)
        return self.before + self.value.accept(text[len(self.before) : end]) + self.after


@dataclass(frozen=True)
class Template:
    """All words of a listed command."""

    words: tuple[_Word, ...]

    @classmethod
    def parse(cls, argv: Sequence[str]) -> Template:
        """Read what a policy lists.

        :raises ValueError: saying which word makes no sense.
        """
        words = tuple(_word_of(text) for text in argv)
        names = [word.name for word in words if word.name]
        if twice := {name for name in names if names.count(name) > 1}:
            msg = f"{{{min(twice)}}} stands there twice; give each value a name of its own"
            raise ValueError(msg)
        if not words or words[0].value is not None or not _is_program(words[0].before):
            msg = "the first word must be the program itself, as an absolute path such as /usr/local/bin/load"
            raise ValueError(msg)
        return cls(words)

    @property
    def program(self) -> str:
        """The program it runs."""
        return self.words[0].before

    def match(self, argv: Sequence[str]) -> list[str]:
        """Return the words to run for a command that is what this says.

        :raises Mismatch: when it is not.
        """
        if len(argv) != len(self.words):
            msg = f"it takes {len(self.words)} words with the program, not {len(argv)}"
            raise Mismatch(msg)
        accepted = []
        for number, (word, text) in enumerate(zip(self.words, argv, strict=True)):
            try:
                accepted.append(word.accept(text))
            except ValueError as error:
                where = f"argument {number}, {word.written}," if number else "the program"
                msg = f"{where} {error}"
                raise Mismatch(msg) from None
        return accepted


def _word_of(text: str) -> _Word:
    try:
        parts = list(string.Formatter().parse(text))
        fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
        if len(fields) > 1:
            msg = "holds more than one value; it would be open where the first ends"
            raise ValueError(msg)
        if not fields:
            return _Word(text, "".join(literal for literal, *_ in parts))
        before, name, spec, conversion = parts[0]
        if not (name and name.isidentifier() and spec) or conversion:
            msg = "needs a name and a type, as in {day:date}; a brace itself is written twice"
            raise ValueError(msg)
        return _Word(text, before, "".join(literal for literal, *_ in parts[1:]), name, value_of(spec))
    except ValueError as error:
        msg = f"{text!r}: {error}"
        raise ValueError(msg) from None


def _is_program(path: str) -> bool:
    root, *parts = path.split("/")
    return root == "" and bool(parts) and not {"", ".", ".."} & {*parts}
