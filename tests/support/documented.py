"""Configuration as the docs show it, so that what is tested is what people are told to write."""

from __future__ import annotations

import configparser

from tests.docs.documents import DOCS, blocks


def documented(page: str) -> list[configparser.ConfigParser]:
    """Return the examples of a page in ``ini``, in order, as Airflow reads them."""
    return [_read(text) for text in examples(page, "ini")]


def examples(page: str, language: str) -> list[str]:
    """Return the examples of a page in a language, in order. ``page``: below ``docs``."""
    return [block.text for block in blocks(language) if block.path == DOCS / page]


def variables(page: str) -> list[dict[str, str]]:
    """Return the examples of environment files of a page, in order."""
    lines = [text.splitlines() for text in examples(page, "env")]
    return [{name: value for name, _, value in (line.partition("=") for line in each)} for each in lines]


def _read(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser
