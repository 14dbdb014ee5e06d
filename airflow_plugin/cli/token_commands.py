"""What ``airflow edge-agent tokens`` does."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from airflow.configuration import conf

from airflow_plugin.cli.command import RefusedError, command, queue, show, user
from airflow_plugin.cli.durations import seconds
from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import token_views, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from airflow_plugin.queue.signing_keys import signing_keys


def _agents(token: dict[str, Any]) -> str:
    if token["one_time"]:
        return f"{token['enrolled_agent'] or 'the first'} only"
    names = ",".join(token["agents"]) if token["agents"] else "any"
    return f"{names}, at most {token['max_agents']}" if token["max_agents"] else names


def _allowed(patterns: list[str] | None) -> str:
    return "any" if patterns is None else ",".join(patterns) or "none"


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "name": lambda token: token["name"],
    "kind": lambda token: token["kind"],
    "prefix": lambda token: token["prefix"],
    "queues": lambda token: ",".join(token["queues"]) if token["queues"] else "any",
    "agents": _agents,
    "addresses": lambda token: ",".join(token["addresses"]) if token["addresses"] else "any",
    "connections": lambda token: _allowed(token["connections"]),
    "variables": lambda token: _allowed(token["variables"]),
    "expires": lambda token: token["expires_at"] or "never",
    "revoked": lambda token: token["revoked_at"],
    "last_used": lambda token: token["last_used_at"],
    "last_used_by": lambda token: token["last_used_by"],
    "from": lambda token: token["last_used_address"],
}

HINT = """
This is agent token {name!r}; it {expiry}. It is shown this once: keep it in a file that only the agent's user
can read. On the host:

  pip install 'airflow-edge-agent[tasks]'      # without [tasks] for a host that only runs commands
  (umask 077; cat > agent.token)               # paste the token, then Ctrl-D
  export EDGE_AGENT_URL={url} EDGE_AGENT_TOKEN_FILE=$PWD/agent.token EDGE_AGENT_QUEUES={queues}{server_key}
  edge-agent check && edge-agent run
"""

SUBMIT_HINT = """
This is submit token {name!r}; it {expiry}. It is shown this once: keep it in a connection of Airflow's.
"""

ROTATED = """
This is the new secret of token {name!r}; it {expiry}. It is shown this once. {overlap}
Write it to the token file of each host that uses it: an agent reads that at its next registration.
"""


@command
def create_token(args: Namespace) -> None:
    """Create one. Its secret goes to standard output, what to do with it to standard error."""
    days = _days(args.expires_in_days)
    allowance = Allowance(
        kind=TokenKind(args.kind),
        description=args.description,
        queues=_words(args.queues),
        agents=_words(args.agents),
        addresses=_words(args.addresses),
        team_name=args.team_name,
        max_agents=args.max_agents,
        one_time=args.one_time,
        run_as_users=_words(args.run_as_users),
        connections=_patterns(args.connections),
        variables=_patterns(args.variables),
    )
    limit = QueueConfig.from_airflow().max_tokens
    with queue() as session:
        secret = tokens.create(
            session, args.name, allowance, expires_in_days=days, created_by=user(), most=limit
        ).get_secret_value()
    _print_secret({"name": args.name, "token": secret}, args.output)
    hint = (HINT if allowance.kind is TokenKind.AGENT else SUBMIT_HINT).format(
        name=args.name,
        expiry=_expiry(days),
        url=conf.get("api", "base_url", fallback="") or "http://localhost:8080",
        queues=",".join(allowance.queues) if allowance.queues else "<queues>",
        server_key=_server_key(),
    )
    print(hint, file=sys.stderr)


def _server_key() -> str:
    published = signing_keys().published
    if not published:
        return ""
    return f"\n  export EDGE_AGENT_SERVER_KEY={published[0].key}   # to start nothing that another has queued"


@command
def rotate_token(args: Namespace) -> None:
    """Give one a new secret, which goes to standard output."""
    days = _days(args.expires_in_days)
    overlap = 0.0 if args.overlap == "0" else seconds(args.overlap, "--overlap") or 0.0
    limit = QueueConfig.from_airflow().max_tokens
    with queue() as session:
        times: dict[str, Any] = {"overlap_seconds": overlap, "expires_in_days": days}
        secret = tokens.rotate(session, args.name, **times, most=limit, by=user()).get_secret_value()
    _print_secret({"name": args.name, "token": secret}, args.output)
    until = f"The old one works for {args.overlap} more." if overlap else "The old one and its sessions have ended."
    print(ROTATED.format(name=args.name, expiry=_expiry(days), overlap=until), file=sys.stderr)


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",")]


def _patterns(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _expiry(days: float | None) -> str:
    return "never expires" if days is None else f"expires in {days:g} days"


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
        rows = [token.model_dump(mode="json") for token in token_views.tokens(session)]
    show(rows, args.output, COLUMNS)


@command
def revoke_token(args: Namespace) -> None:
    """Revoke one."""
    with queue() as session:
        ended = tokens.revoke(session, args.name, by=user())
    print(f"Token {args.name!r} is revoked; {ended} sessions ended with it.")
