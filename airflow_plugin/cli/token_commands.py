"""What ``airflow edge-agent tokens`` does."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from airflow.configuration import conf

from airflow_plugin.cli.command import RefusedError, command, queue, show, user
from airflow_plugin.queue import overview, tokens

COLUMNS: dict[str, Callable[[Any], Any]] = {
    "name": lambda token: token["name"],
    "prefix": lambda token: token["prefix"],
    "queues": lambda token: ",".join(token["queues"]) if token["queues"] else "any",
    "created": lambda token: token["created_at"],
    "expires": lambda token: token["expires_at"] or "never",
    "revoked": lambda token: token["revoked_at"],
    "last_used": lambda token: token["last_used_at"],
    "last_used_by": lambda token: token["last_used_by"],
}

HINT = """
This is agent token {name!r}; it {expiry}. It is shown this once: keep it in a file that only the agent's user
can read. On the host:

  pip install 'airflow-edge-agent[tasks]'      # without [tasks] for a host that only runs commands
  (umask 077; cat > agent.token)               # paste the token, then Ctrl-D
  export EDGE_AGENT_URL={url} EDGE_AGENT_TOKEN_FILE=$PWD/agent.token EDGE_AGENT_QUEUES={queues}
  edge-agent check && edge-agent run
"""


@command
def create_token(args: Namespace) -> None:
    """Create one. Its secret goes to standard output, what to do with it to standard error."""
    days = _days(args.expires_in_days)
    queues = [name.strip() for name in args.queues.split(",")] if args.queues else None
    with queue() as session:
        secret = tokens.create(
            session, args.name, queues=queues, team=args.team_name, expires_in_days=days, created_by=user()
        )
    _print_secret({"name": args.name, "token": secret.get_secret_value()}, args.output)
    hint = HINT.format(
        name=args.name,
        expiry="never expires" if days is None else f"expires in {days:g} days",
        url=conf.get("api", "base_url", fallback="") or "http://localhost:8080",
        queues=",".join(queues) if queues else "<queues>",
    )
    print(hint, file=sys.stderr)


def _print_secret(created: dict[str, str], output: str) -> None:
    from airflow.cli.simple_table import AirflowConsole

    if output == "json":
        AirflowConsole().print_as_json(created)
    elif output == "yaml":
        AirflowConsole().print_as_yaml(created)
    else:
        print(created["token"])  # alone on its line, so that no column cuts it


def _days(text: str) -> float | None:
    if text == "never":
        return None
    try:
        return float(text)
    except ValueError:
        msg = f"--expires-in-days {text!r} is neither a number of days nor 'never'"
        raise RefusedError(msg) from None


@command
def list_tokens(args: Namespace) -> None:
    """List every token."""
    with queue() as session:
        rows = [token.model_dump(mode="json") for token in overview.tokens(session)]
    show(rows, args.output, COLUMNS)


@command
def revoke_token(args: Namespace) -> None:
    """Revoke one."""
    with queue() as session:
        ended = tokens.revoke(session, args.name)
    print(f"Token {args.name!r} is revoked; {ended} sessions ended with it.")
