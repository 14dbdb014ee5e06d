"""The types of the values in a listed command: what each takes, letter by letter, and nothing else.

No type takes a value that begins with ``-``, unless the policy itself writes one down: it would become an
option. None but ``path`` takes a letter beyond ASCII, and no type a control character or a line break.
"""

from __future__ import annotations

import os
import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from typing_extensions import override

_SPEC = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:+@-]*", re.ASCII)

WORD_CHARACTERS = 250
"""Of a ``word``, unless it says how many: the longest id Airflow has."""


class Value(ABC):
    """One type."""

    @abstractmethod
    def accept(self, text: str) -> str:
        """Return what the command gets for a text.

        :raises ValueError: saying what the text would have to be. The message does not repeat it.
        """


@dataclass(frozen=True)
class Date(Value):
    """``date``: a day such as 2026-11-21."""

    @override
    def accept(self, text: str) -> str:
        if not _DATE.fullmatch(text):
            msg = "must be a date such as 2026-11-21"
            raise ValueError(msg)
        try:
            date.fromisoformat(text)
        except ValueError:
            msg = "is no day of the calendar"
            raise ValueError(msg) from None
        return text


@dataclass(frozen=True)
class Integer(Value):
    """``int(1..100)``: a whole number in plain digits, both ends included."""

    lowest: int
    highest: int

    @override
    def accept(self, text: str) -> str:
        if not _INTEGER.fullmatch(text) or not self.lowest <= int(text) <= self.highest:
            msg = f"must be a whole number from {self.lowest} to {self.highest}"
            raise ValueError(msg)
        return text


@dataclass(frozen=True)
class OneOf(Value):
    """``one_of(eu,us)``: one of these, letter by letter."""

    choices: tuple[str, ...]

    @override
    def accept(self, text: str) -> str:
        if text not in self.choices:
            msg = f"must be one of {', '.join(self.choices)}"
            raise ValueError(msg)
        return text


@dataclass(frozen=True)
class Word(Value):
    """``word``, ``word(64)``: letters, digits and ``. _ : + @ -``, up to so many. Any id of Airflow is one."""

    longest: int

    @override
    def accept(self, text: str) -> str:
        if len(text) > self.longest or not _WORD.fullmatch(text):
            msg = f"must be 1 to {self.longest} letters, digits or any of '._:+@-', the first a letter, a digit or '_'"
            raise ValueError(msg)
        return text


@dataclass(frozen=True)
class PathBelow(Value):
    """``path(/data)``: a file or directory below that one, wherever links lead. It may be yet to be made.

    The command gets the path with all links resolved: what was looked at is what it opens.
    """

    root: str
    or_itself: bool = False

    @override
    def accept(self, text: str) -> str:
        if not _is_plain(text):
            msg = f"must be an absolute path below {self.root}, without '.', '..', '//' and control characters"
            raise ValueError(msg)
        try:
            root, found = os.path.realpath(self.root, strict=True), _resolve(text)
        except OSError as error:
            msg = f"cannot be looked at on this host: {error.strerror}"
            raise ValueError(msg) from None
        inside = PurePosixPath(found).is_relative_to(root)
        if not inside or (found == root and not self.or_itself):
            msg = f"must lie below {self.root}, also behind all links"
            raise ValueError(msg)
        return found


def value_of(spec: str) -> Value:
    """Make the type that a policy writes as ``spec``, such as ``int(1..100)``.

    :raises ValueError: when there is no such type, or what stands in its brackets makes no sense.
    """
    found = _SPEC.fullmatch(spec)
    make = _TYPES.get(found[1]) if found else None
    if found is None or make is None:
        msg = f"{spec!r} is no type: there are date, int(1..100), one_of(a,b), word, word(64) and path(/data)"
        raise ValueError(msg)
    return make(found[2])


def _date_of(arguments: str | None) -> Value:
    if arguments is not None:
        msg = "date takes nothing in brackets"
        raise ValueError(msg)
    return Date()


def _integer_of(arguments: str | None) -> Value:
    lowest, _, highest = (arguments or "").partition("..")
    if not (_INTEGER.fullmatch(lowest) and _INTEGER.fullmatch(highest)) or int(lowest) > int(highest):
        msg = "int needs its lowest and highest, as in int(1..100)"
        raise ValueError(msg)
    return Integer(int(lowest), int(highest))


def _one_of(arguments: str | None) -> Value:
    choices = tuple(choice.strip() for choice in (arguments or "").split(","))
    if "" in choices:
        msg = "one_of needs what may stand there, as in one_of(eu,us)"
        raise ValueError(msg)
    return OneOf(choices)


def _word_of(arguments: str | None) -> Value:
    if arguments is None:
        return Word(WORD_CHARACTERS)
    if not _INTEGER.fullmatch(arguments) or int(arguments) < 1:
        msg = "word takes the number of its letters, as in word(64)"
        raise ValueError(msg)
    return Word(int(arguments))


def _path_of(arguments: str | None) -> Value:
    if not _is_plain(arguments or ""):
        msg = "path needs an absolute directory, as in path(/data)"
        raise ValueError(msg)
    return PathBelow(arguments or "")


_TYPES = {"date": _date_of, "int": _integer_of, "one_of": _one_of, "word": _word_of, "path": _path_of}


def _is_plain(path: str) -> bool:
    """Whether a path says by itself where it is: absolute, nothing to be folded, nothing unseen."""
    root, *parts = path.split("/")
    plain = root == "" and bool(parts) and not {"", ".", ".."} & {*parts}
    return plain and all(letter == " " or unicodedata.category(letter)[0] not in "CZ" for letter in path)


def _resolve(path: str) -> str:
    """Return a path with its links resolved. Only its last part may be missing, and that may be no link.

    :raises OSError: when it leads nowhere, or may not be looked at: then nothing is known about it.
    """
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError:
        folder, _, name = path.rpartition("/")
        found = os.path.join(os.path.realpath(folder or "/", strict=True), name)  # noqa: PTH118  texts
        if os.path.islink(found):  # noqa: PTH114  the same
            raise
        return found
