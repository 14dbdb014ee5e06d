"""Configuration as the docs show it, so that what is tested is what people are told to write."""

from __future__ import annotations

import configparser
import shlex

from tests.docs.documents import DOCS, blocks


def documented(page: str) -> list[configparser.ConfigParser]:
    """Return the examples of a page in ``ini``, in order, as Airflow reads them."""
    return [_read(text) for text in examples(page, "ini")]


def examples(page: str, language: str) -> list[str]:
    """Return the examples of a page in a language, in order. ``page``: below ``docs``."""
    return [block.text for block in blocks(language) if block.path == DOCS / page]


def variables(page: str) -> list[dict[str, str]]:
    """Return the examples of environment files of a page, in order.

    As a shell and systemd both read them: a value with blanks or quotes that stands in no quotes is refused.
    """
    lines = [text.splitlines() for text in examples(page, "env")]
    return [dict(map(_variable, each)) for each in lines]


def _variable(line: str) -> tuple[str, str]:
    words = shlex.split(line)
    assert len(words) == 1, f"a shell takes this for several words: {line}"
    name, _, value = words[0].partition("=")
    return name, value


def _read(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser
