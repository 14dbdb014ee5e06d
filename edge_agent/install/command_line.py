"""``edge-agent install`` and ``edge-agent uninstall``: options in, what was done out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.errors import CannotInstall

OK, FAILED = range(2)

Add = Callable[..., argparse.ArgumentParser]


def add(commands: Any) -> None:
    """Add both to the parser of the agent's command line."""
    _add_install(commands)
    _add_uninstall(commands)


def _add_install(commands: Any) -> None:
    text = "make an agent of this host: user, settings, token, state directory and service"
    parser = _parser(commands, "install", _install, text)
    parser.add_argument("--url", metavar="URL", help="address of Airflow, as this host sees it")
    parser.add_argument("--name", metavar="NAME", help="name of the agent (default: the host name)")
    parser.add_argument("--queues", metavar="QUEUE,...", help="queues that it serves")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file that holds the agent token, mode 0600; - for standard input (default: standard input, or a "
        "question at a terminal; once there is a token on the host, none)",
    )
    parser.add_argument("--server-key", metavar="KEY", help="start only jobs that this key of the server has signed")
    parser.add_argument("--user", metavar="USER", help="who the agent runs as (default: edge-agent, made if missing)")
    parser.add_argument("--create-user", action="store_true", help="make that user, too, if missing")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="state directory (default: /var/lib/edge-agent)")
    parser.add_argument("--program", type=Path, metavar="FILE", help="what the service runs (default: this edge-agent)")
    parser.add_argument(
        "--sandbox",
        choices=("open", "jobs", "commands"),
        help="what the unit takes away from jobs: nothing, so that sudo works; what no ordinary job misses (default); "
        "more, on hosts without Airflow tasks",
    )
    parser.add_argument("--check", action="store_true", help="run `edge-agent check` before the service is enabled")
    parser.add_argument("--no-start", action="store_true", help="neither enable nor start the service")


def _add_uninstall(commands: Any) -> None:
    text = "take off this host what `edge-agent install` has made"
    parser = _parser(commands, "uninstall", _uninstall, text)
    parser.add_argument("--keep-state", action="store_true", help="leave the state directory, and let its jobs run on")
    parser.add_argument(
        "--force", action="store_true", help="end running jobs, and give up results that were not delivered, unasked"
    )


def _parser(commands: Any, name: str, command: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--instance", metavar="NAME", help="one of several agents of this host")
    parser.add_argument("--dry-run", action="store_true", help="show every step in full, and do nothing")
    parser.add_argument("--root", type=Path, metavar="DIR", help="work below this directory, not on the running host")
    parser.add_argument("--no-systemd", action="store_true", help="as where systemd does not run")
    parser.set_defaults(command=command)
    return parser


def _host(arguments: argparse.Namespace) -> Any:
    from dataclasses import replace

    from edge_agent.install.host import Host

    host = Host.this() if arguments.root is None else Host(_root(arguments.root))
    return replace(host, has_systemd=False) if arguments.no_systemd else host


def _root(path: Path) -> Path:
    if not path.is_dir():
        msg = f"--root: there is no directory {path}; make it first"
        raise CannotInstall(msg)
    return path.resolve()


def _install(arguments: argparse.Namespace) -> int:
    from pydantic import SecretStr

    from edge_agent.install import plan
    from edge_agent.install.carrying_out import carry_out, show
    from edge_agent.install.systemd import Sandbox
    from edge_agent.install.wishes import Wishes, read_token, require_root

    host = _host(arguments)
    if arguments.check and not host.is_live:
        msg = "--check looks at this host; below --root there is nothing that could run"
        raise CannotInstall(msg)
    wishes = Wishes(
        instance=arguments.instance,
        user=arguments.user,
        create_user=arguments.create_user,
        name=arguments.name,
        url=arguments.url,
        queues=tuple(arguments.queues.split(",")) if arguments.queues else None,
        server_key=arguments.server_key,
        state_dir=arguments.state_dir,
        program=arguments.program,
        sandbox=Sandbox(arguments.sandbox) if arguments.sandbox else None,
        start=not arguments.no_start,
        check=arguments.check,
    )
    if arguments.dry_run:
        show(plan.make(wishes, host, lambda needed: SecretStr("") if needed or arguments.token_file else None), print)
        return OK
    require_root(host, "install")
    carry_out(plan.make(wishes, host, lambda needed: read_token(arguments.token_file, is_needed=needed)), print)
    return OK


def _uninstall(arguments: argparse.Namespace) -> int:
    from edge_agent.install import removal
    from edge_agent.install.carrying_out import carry_out, show
    from edge_agent.install.wishes import layout_of, require_root

    host, layout = _host(arguments), layout_of(arguments.instance)
    plan = removal.make(host, layout, keep_state=arguments.keep_state)
    if arguments.dry_run:
        show(plan, print)
        return OK
    require_root(host, "uninstall")
    if not (arguments.keep_state or arguments.force) and not _may_be_lost(removal.holdings(host, layout)):
        print("Nothing was removed.", file=sys.stderr)
        return FAILED
    carry_out(plan, print)
    return OK


def _may_be_lost(holdings: Any) -> bool:
    """Ask whether what is held may be given up, where somebody can answer.

    :raises CannotInstall: where nobody can.
    """
    if not holdings:
        return True
    if not sys.stdin.isatty():
        msg = (
            f"The state directory holds {holdings}. Say --keep-state to leave them, or --force to end and lose them; "
            "better, drain the agent first"
        )
        raise CannotInstall(msg)
    return input(f"The state directory holds {holdings}. End and lose them? [y/N] ").strip().lower() == "y"
