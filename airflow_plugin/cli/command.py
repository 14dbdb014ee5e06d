"""What every command has around it: an audit row, one clear line instead of a traceback, and a session."""

from __future__ import annotations

import functools
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.utils.cli import action_cli

from airflow_plugin.compat import create_session
from airflow_plugin.config import ConfigError
from airflow_plugin.db import UnsupportedDatabaseError, is_migrated, require_supported
from airflow_plugin.errors import QueueError
from edge_agent.protocol import one_line

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class RefusedError(Exception):
    """The command cannot be done as it was asked for; the message says why, and what to do."""


def command(work: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """Make a command of a function: audited like Airflow's own, ending with 1 and one line when it is refused."""
    audited: Callable[[Namespace], None] = action_cli(work)

    @functools.wraps(work)
    def run(args: Namespace) -> None:
        try:
            audited(args)
        except (ConfigError, QueueError, RefusedError, UnsupportedDatabaseError) as refusal:
            print(f"airflow edge-agent: {refusal}", file=sys.stderr)
            raise SystemExit(1) from None

    return run


@contextmanager
def queue() -> Iterator[Session]:
    """Give a session on the queue, committed when the command is done.

    :raises RefusedError: when the tables are not there, or not those of this release.
    :raises UnsupportedDatabaseError: when the metadata database cannot hold the queue.
    """
    with create_session(scoped=False) as session:
        require_supported(session.get_bind().dialect.name)
        if not is_migrated(session):
            msg = "the tables of airflow-edge-agent are missing or of another release; run `airflow db migrate`"
            raise RefusedError(msg)
        yield session


def show(rows: Sequence[Mapping[str, Any]], output: str, columns: Mapping[str, Callable[[Any], Any]]) -> None:
    """Print rows: the named columns for people, everything there is for programs."""
    from airflow.cli.simple_table import AirflowConsole
    from rich.markup import escape

    if output in {"json", "yaml"}:
        AirflowConsole().print_as(data=[dict(row) for row in rows], output=output)
    else:
        # In a table Airflow takes [words in brackets] for markup, and one closing bracket too many for an error.
        fit = escape if output == "table" else str
        shown = [{name: fit(_text(value(row))) for name, value in columns.items()} for row in rows]
        AirflowConsole().print_as(data=shown, output=output)


def _text(value: Any) -> str:
    """Say a value in one line, whatever a host has written into it."""
    return "" if value is None else one_line(str(value))


def is_sure(question: str) -> bool:
    """Ask a person; nobody there to answer is a no."""
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def user() -> str:
    """Return who runs this, for the rows that say who decided."""
    from airflow.utils.platform import getuser

    return str(getuser())
