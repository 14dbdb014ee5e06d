"""Reference of the two command lines, from their parsers.

Not their ``--help``: argparse words that differently from one Python to the next.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from edge_agent import cli
from tests.gen import docstrings, markdown


def agent() -> str:
    """Return the page about ``edge-agent``."""
    parser = agent_parser()
    return markdown.page(
        "edge_agent/cli.py",
        "edge-agent",
        f"{parser.description} It runs on a host.",
        *_commands(parser),
        "## Exit codes",
        docstrings.of(cli, from_paragraph=1).partition("Exit codes:")[2],
    )


def admin() -> str:
    """Return the page about ``airflow edge-agent``."""
    return markdown.page(
        "airflow_plugin/cli",
        "airflow edge-agent",
        """
It runs beside Airflow's scheduler or API server, where Airflow's own command line runs, and needs
the metadata database. Everything it changes is in the database: API servers act on it at once.""",
        *_commands(admin_parser()),
    )


def agent_parser() -> argparse.ArgumentParser:
    """Return the parser of ``edge-agent``."""
    return cli._parser()  # noqa: SLF001  it has no other name


def admin_parser() -> argparse.ArgumentParser:
    """Return the parser of ``airflow edge-agent``, out of Airflow's own."""
    from airflow.cli.cli_parser import get_parser

    return subcommands(get_parser())["edge-agent"]


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers below a parser, by their words."""
    # Only the group of subcommands maps its choices to parsers.
    groups = (each.choices for each in _actions(parser) if isinstance(each.choices, dict))
    return {name: each for group in groups for name, each in group.items()}


def verbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield every parser that takes no further command."""
    below = subcommands(parser)
    for each in below.values():
        yield from verbs(each)
    if not below:
        yield parser


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    for verb in verbs(parser):
        yield f"## {verb.prog}"
        yield _sentence(verb.description or "")
        if rows := [_row(action) for action in _own_actions(verb)]:
            yield markdown.table(("argument", "meaning"), rows)


def _own_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [each for each in _actions(parser) if "--help" not in each.option_strings]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001  argparse tells nobody what a parser knows


def _row(action: argparse.Action) -> tuple[str, str]:
    names = action.option_strings or [str(action.metavar or action.dest)]
    name = ", ".join(f"`{each}`" for each in names)
    if action.option_strings and action.nargs != 0:
        value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
        name += f" `{value or action.dest.upper()}`"
    facts: dict[str, Any] = vars(action) | {"prog": ""}
    text = _sentence((action.help or "") % facts)
    return name, text + (" Required." if action.option_strings and action.required else "")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text and text[0].upper() + text[1:] + ("" if text.endswith((".", ")")) else ".")
