"""``edge-agent``: run | check | status | attach | server-key | install | uninstall | version.

Exit codes:

==== ==================================================================================
code meaning
==== ==================================================================================
0    ``run``: drained and left; ``check``: all is well; ``status``: it runs, is live, is ready
1    ``run``: a defect, or what it needs is missing; ``check``: something is wrong;
     ``status``: no agent runs, it does not answer, or it is not what was asked for
     (``--live``, ``--ready``); ``attach``: there is no such session; ``install`` and
     ``uninstall``: the host is not fit for it, or a step failed
2    the command line or a setting is wrong
3    the server refuses this agent: its token, its name, its host, a queue or its version
4    another agent uses the state directory
5    another process registered under this agent's name
6    the server is not the one that this host knows
==== ==================================================================================

After 2 to 6 a restart changes nothing: somebody has to act first.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent import __version__
from edge_agent.errors import AgentError, ForeignServer, ProblemAnswer, SettingsError, StateDirHeld, Superseded
from edge_agent.handover import PATIENCE_SECONDS, take_over
from edge_agent.install import command_line

if TYPE_CHECKING:
    from edge_agent.logs import Redactor
    from edge_agent.settings import AgentSettings

logger = logging.getLogger(__name__)

OK, FAILED, MISUSED, REFUSED, HELD, SUPERSEDED, FOREIGN = range(7)

_VERDICTS = {
    "live": "say only whether it works, whatever the server does: if not, a restart may help",
    "ready": "say only whether it would take work now; if not, why",
}

_EPILOG = """\
settings:
  Each is an environment variable EDGE_AGENT_<NAME> or a key of the TOML file.
  Needed: EDGE_AGENT_URL, EDGE_AGENT_QUEUES, and EDGE_AGENT_TOKEN_FILE or EDGE_AGENT_TOKEN.

exit codes:
  0 well   1 not well   2 wrong settings   3 refused by the server
  4 state directory in use   5 name taken by another process   6 another server
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return MISUSED
    except AgentError as error:
        print(error, file=sys.stderr)
        return exit_code_of(error)


def exit_code_of(error: AgentError) -> int:
    """Return the exit code that an error ends the agent with."""
    kinds: tuple[tuple[type[AgentError], int], ...] = (
        (SettingsError, MISUSED),
        (Superseded, SUPERSEDED),
        (ProblemAnswer, REFUSED),
        (StateDirHeld, HELD),
        (ForeignServer, FOREIGN),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-agent",
        description="Runs Airflow tasks and commands on this host, for an Airflow it dials out to.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        required=True, metavar="run | check | status | attach | server-key | install | uninstall | version"
    )
    run = _add(
        commands,
        "run",
        _run,
        "run the agent until it is stopped (SIGTERM drains, a second one ends what runs)",
    )
    run.add_argument(
        "--handover",
        nargs="?",
        const=PATIENCE_SECONDS,
        type=float,
        metavar="SECONDS",
        help="take the place of the agent that runs here, if one does: it leaves at once, its running work goes on "
        f"(SECONDS: how long to wait for it to leave, {PATIENCE_SECONDS:.0f} unless given)",
    )
    _add(commands, "check", _check, "say what would keep the agent from working, before anything runs")
    status = _add(commands, "status", _status, "say what the agent of this host is doing now")
    status.add_argument("--json", action="store_true", help="for machines, in a form that stays")
    verdict = status.add_mutually_exclusive_group()
    for name, text in _VERDICTS.items():
        verdict.add_argument(f"--{name}", dest="verdict", action="store_const", const=name, help=text)
    status.add_argument(
        "--timeout", type=_seconds, default=5.0, metavar="SECONDS", help="how long to wait for its answer (5)"
    )
    attach = _add(commands, "attach", _attach, "show the terminal of a job that runs in tmux (leave with Ctrl-B D)")
    attach.add_argument("job", metavar="ID", help="how the id of the job or of its assignment begins")
    attach.add_argument("--write", action="store_true", help="type into it, too; Ctrl-C then interrupts the job")
    key = _add(commands, "server-key", _server_key, "print the keys of the server whose jobs this host starts")
    key.add_argument("--forget", action="store_true", help="forget them: the next registration pins what it brings")
    command_line.add(commands)
    version = commands.add_parser("version", help="print the version", description="Print the version.")
    version.set_defaults(command=_version)
    return parser


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < math.inf:
        raise ValueError(text)
    return seconds


def _add(commands: Any, name: str, command: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file (default: $EDGE_AGENT_CONFIG)")
    parser.set_defaults(command=command)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # Imported here, so that `version` and wrong settings answer at once.
    from edge_agent.configuration import load, misspelt
    from edge_agent.logs import logging_to

    settings = load(arguments.config)
    with logging_to(agent=settings.name, level=settings.log_level, form=settings.log_format) as redactor:
        for sentence in misspelt():
            logger.warning("%s", sentence, extra={"event": "setting_unknown"})
        for sentence in settings.exposed():
            logger.warning("%s", sentence, extra={"event": "exposed"})
        try:
            asyncio.run(_serve(settings, redactor, handover_seconds=arguments.handover))
        except AgentError as error:
            logger.error("Stopping: %s", error, extra={"event": "stopped"})  # noqa: TRY400  it says it all
            return exit_code_of(error)
        except Exception:  # the outermost edge: whatever it is, the log must have it
            logger.exception("Stopping for a defect of the agent.", extra={"event": "crashed"})
            return FAILED
    return OK


def _import_httpx_alone() -> None:
    """Import httpx without the command line that it brings along where it finds click: 5 MB that no agent uses."""
    if "click" in sys.modules:
        return
    sys.modules["click"] = None  # type: ignore[assignment]  # how Python marks what is not to be found
    try:
        import httpx  # noqa: F401  for the others, who find it imported
    finally:
        del sys.modules["click"]


async def _serve(settings: AgentSettings, redactor: Redactor, *, handover_seconds: float | None) -> None:
    _import_httpx_alone()
    from edge_agent.agent import Agent
    from edge_agent.client import QueueClient
    from edge_agent.host_key import HostKey
    from edge_agent.policy.policy import Policy
    from edge_agent.service_manager import ServiceManager
    from edge_agent.signals import on_signals
    from edge_agent.state_dir import StateDir
    from edge_agent.status.display import check_listening
    from edge_agent.transport import open_http

    service_manager = ServiceManager.of(os.environ)
    for secret in (settings.read_token(), *settings.proxy_secrets()):
        redactor.hide(secret.get_secret_value())
    policy = Policy.of(settings)
    state_dir = StateDir(settings.state_dir)
    state_dir.prepare()
    async with open_http(settings) as http:
        if handover_seconds is not None:  # Only now: what fails for new settings has not failed.
            check_listening(settings, state_dir)
            await asyncio.to_thread(take_over, state_dir, patience_seconds=handover_seconds)
        with state_dir.lock(settings.name):
            client = QueueClient(http, settings.name, HostKey.of(state_dir.host_key))
            agent = Agent(settings, policy, state_dir, client, redactor)
            with on_signals(first=agent.drain, further=agent.end_all, hand_over=agent.hand_over):
                async with service_manager.attended():
                    await agent.run()


def _check(arguments: argparse.Namespace) -> int:
    from edge_agent.configuration import load

    return OK if asyncio.run(_print_findings(load(arguments.config))) else FAILED


async def _print_findings(settings: AgentSettings) -> bool:
    from edge_agent.check import check
    from edge_agent.findings import Level
    from edge_agent.protocol import one_line

    all_is_well = True
    async for finding in check(settings):
        all_is_well = all_is_well and finding.level is not Level.FAIL
        text = "\n".join(map(one_line, finding.text.splitlines()))  # what a server says is in it
        print(f"{finding.level.value:<4} {finding.subject}: {text}", flush=True)
    return all_is_well


def _status(arguments: argparse.Namespace) -> int:
    from edge_agent.configuration import load_state_dir
    from edge_agent.state_dir import StateDir
    from edge_agent.status.asking import ask
    from edge_agent.status.report import AgentState
    from edge_agent.status.words import in_words, verdict_in_words

    report = ask(StateDir(load_state_dir(arguments.config)), timeout_seconds=arguments.timeout)
    verdict = {"live": report.live, "ready": report.ready}.get(arguments.verdict)
    if arguments.json:
        print(report.model_dump_json(indent=2))
    else:
        print("\n".join(in_words(report) if verdict is None else verdict_in_words(arguments.verdict, verdict)))
    is_fine = report.state is AgentState.RUNNING if verdict is None else verdict.ok
    return OK if is_fine else FAILED


def _attach(arguments: argparse.Namespace) -> int:
    from edge_agent.attach import attach_words
    from edge_agent.configuration import load_state_dir
    from edge_agent.state_dir import StateDir

    words = attach_words(StateDir(load_state_dir(arguments.config)), arguments.job, write=arguments.write)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("This shows a terminal on a terminal: run it in one (with ssh: ssh -t).", file=sys.stderr)
        return FAILED
    # Inside another tmux it would refuse, to keep one from a session that shows itself. Ours is another server.
    environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
    return os.execvpe(words[0], words, environment)  # noqa: S606  no shell is wanted


def _server_key(arguments: argparse.Namespace) -> int:
    from edge_agent.configuration import load_state_dir
    from edge_agent.server_keys import forget, in_words, read
    from edge_agent.state_dir import StateDir

    path = StateDir(load_state_dir(arguments.config)).server_keys_file
    if arguments.forget:
        forget(path)
        print("Forgotten. An agent that runs goes on with what it knows; the next start pins anew.")
        return OK
    pinned = read(path)
    print("\n".join(in_words(pinned.keys) if pinned else ["No server has been met yet."]))
    return OK


def _version(_arguments: argparse.Namespace) -> int:
    print(__version__)
    return OK
