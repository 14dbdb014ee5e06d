"""The words of ``airflow edge-agent``. Read at every start of ``airflow``: nothing here imports what does the work."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

from edge_agent.protocol import JobState

_HERE = "airflow_plugin.cli"

OUTPUT = Arg(
    ("-o", "--output"),
    help="Output format: table, json, yaml or plain (default: table)",
    metavar="FORMAT",
    choices=("table", "json", "yaml", "plain"),
    default="table",
)
AGENT = Arg(("name",), help="Name of the agent")
TOKEN = Arg(("name",), help="Name of the token, for people")
YES = Arg(("-y", "--yes"), help="Do not ask for confirmation", action="store_true")
REASON = Arg(("--reason",), help="Why, for whoever wonders")
CORDON_EXPIRY = Arg(
    ("--expires-in",), metavar="TIME", help="Lift the cordon by itself after e.g. 90s, 30m, 2h or 7d (default: never)"
)
DEADLINE = Arg(
    ("--deadline",), metavar="TIME", help="Stop the agent after e.g. 30m or 2h even if work is left (default: wait)"
)
GRACE = Arg(
    ("--grace",),
    metavar="TIME",
    default="30s",
    help="How long what runs may go on, e.g. 90s, 30m or 2h; 0 cancels it now (default: 30s)",
)
SLOTS = Arg(("--slots",), type=int, help="How many slots it has, instead of those its host is configured with")
SERVED = Arg(
    ("-q", "--queues"),
    metavar="QUEUES",
    help="Comma separated queues it serves, of those its host is configured with (default: all of them)",
)
RESET = Arg(("--reset",), action="store_true", help="Slots and queues as its host is configured with")
WITHIN = Arg(
    ("--within",), metavar="TIME", default="24h", help="How long it may, e.g. 90s, 30m, 2h or 7d (default: 24h)"
)
KIND = Arg(
    ("--kind",),
    help="What it is for: registering agents, or submitting commands (default: agent)",
    choices=("agent", "submit"),
    default="agent",
)
DESCRIPTION = Arg(("--description",), help="What it is for, for people")
QUEUES = Arg(
    ("-q", "--queues"), metavar="QUEUES", help="Comma separated queues the token allows (default: every queue)"
)
AGENT_NAMES = Arg(
    ("--agents",),
    metavar="NAMES",
    help="Comma separated names of agents that may register with it, * and ? allowed (default: every name)",
)
ADDRESSES = Arg(
    ("--addresses",),
    metavar="NETWORKS",
    help="Comma separated networks it may be used from, such as 10.1.0.0/16 (default: everywhere)",
)
MAX_AGENTS = Arg(("--max-agents",), type=int, help="How many agents may live on it (default: any number)")
ONE_TIME = Arg(("--one-time",), action="store_true", help="The first agent that registers with it is the only one")
RUN_AS_USERS = Arg(
    ("--run-as-users",), metavar="USERS", help="Comma separated users commands may ask to run as (default: none)"
)
CONNECTIONS = Arg(
    ("--connections",),
    metavar="PATTERNS",
    help="Comma separated connections that tasks on its agents may have, * and ? allowed; '' for none (default: all)",
)
VARIABLES = Arg(
    ("--variables",),
    metavar="PATTERNS",
    help="Comma separated variables that tasks on its agents may have, * and ? allowed; '' for none (default: all)",
)
TEAM = Arg(("--team-name",), help="Team of the agents that register with it, in a deployment with teams")
TOKEN_EXPIRY = Arg(
    ("--expires-in-days",), metavar="DAYS", default="90", help="Days until it expires, or 'never' (default: 90)"
)
OVERLAP = Arg(
    ("--overlap",),
    metavar="TIME",
    default="24h",
    help="How long the old secret still works, e.g. 30m, 24h or 7d; 0 ends it and its sessions now (default: 24h)",
)
STATE = Arg(("-s", "--state"), help="Only jobs in this state", choices=tuple(JobState), metavar="STATE")
JOB_QUEUE = Arg(("-q", "--queue"), help="Only jobs of this queue")
JOB_AGENT = Arg(("-a", "--agent"), help="Only jobs that are or were on this agent")
LIMIT = Arg(("-l", "--limit"), help="At most so many, the newest (default: 100)", type=int, default=100)

RELEASE = Arg(("target",), metavar="RELEASE", help="The release to go back to, a revision, or base: no tables at all")
SQL_ONLY = Arg(("-s", "--show-sql-only"), help="Print the statements, and change nothing", action="store_true")


def _command(name: str, function: str, text: str, *args: Arg) -> ActionCommand:
    return ActionCommand(name=name, help=text, func=lazy_load_command(f"{_HERE}.{function}"), args=args)


AGENTS = (
    _command("list", "agent_commands.list_agents", "List agents: their state, queues, slots and work", OUTPUT),
    _command(
        "cordon",
        "agent_commands.cordon_agent",
        "Offer an agent nothing new; running work goes on",
        AGENT,
        REASON,
        CORDON_EXPIRY,
    ),
    _command("uncordon", "agent_commands.uncordon_agent", "Offer an agent work again; ends a drain too", AGENT),
    _command(
        "drain",
        "agent_commands.drain_agent",
        "Cordon an agent and stop it when its work is done",
        AGENT,
        REASON,
        DEADLINE,
    ),
    _command(
        "stop",
        "agent_commands.stop_agent",
        "Cordon an agent, cancel what still runs after a grace, and stop it",
        AGENT,
        REASON,
        GRACE,
    ),
    _command(
        "set",
        "agent_commands.set_agent",
        "Give an agent other slots or fewer queues than its host says, while it runs",
        AGENT,
        SLOTS,
        SERVED,
        RESET,
        REASON,
    ),
    _command(
        "re-enrol",
        "agent_commands.re_enrol_agent",
        "Let another host have an agent's name, the next one that registers with it",
        AGENT,
        REASON,
        WITHIN,
    ),
    _command(
        "dismiss-conflict",
        "agent_commands.dismiss_conflict",
        "Forget that another host asked for an agent's name, once that is cleared up",
        AGENT,
    ),
    _command("delete", "agent_commands.delete_agent", "Forget an agent; its running jobs fail", AGENT, YES),
)
TOKENS = (
    _command(
        "create",
        "token_commands.create_token",
        "Create a token and print it, this once",
        TOKEN,
        KIND,
        DESCRIPTION,
        QUEUES,
        AGENT_NAMES,
        ADDRESSES,
        TEAM,
        MAX_AGENTS,
        ONE_TIME,
        RUN_AS_USERS,
        CONNECTIONS,
        VARIABLES,
        TOKEN_EXPIRY,
        OUTPUT,
    ),
    _command("list", "token_commands.list_tokens", "List tokens, without their secrets", OUTPUT),
    _command(
        "rotate",
        "token_commands.rotate_token",
        "Give a token a new secret and print it, this once; the old one works for a while",
        TOKEN,
        OVERLAP,
        TOKEN_EXPIRY,
        OUTPUT,
    ),
    _command("revoke", "token_commands.revoke_token", "Revoke a token and end the sessions it opened", TOKEN),
)
JOBS = (
    _command(
        "list",
        "job_commands.list_jobs",
        "List jobs, newest first; a queued one says why it waits",
        STATE,
        JOB_QUEUE,
        JOB_AGENT,
        LIMIT,
        OUTPUT,
    ),
)
SERVER_KEY = _command(
    "server-key",
    "key_commands.show_keys",
    "Print the public key that hosts know this server by",
)
DATABASE = (
    _command(
        "downgrade",
        "database_commands.downgrade",
        "Take the tables back to those of an earlier release, to install that again",
        RELEASE,
        SQL_ONLY,
        YES,
    ),
)


def get_commands() -> list[GroupCommand]:
    """Return the group that ``airflow`` adds."""
    return [
        GroupCommand(
            name="edge-agent",
            help="Manage edge agents",
            description="Agents that only dial out: list them and steer them; their tokens and jobs.",
            subcommands=[
                GroupCommand(name="agents", help="Manage agents", subcommands=AGENTS),
                GroupCommand(name="tokens", help="Manage the tokens agents register with", subcommands=TOKENS),
                GroupCommand(name="jobs", help="Look at jobs", subcommands=JOBS),
                GroupCommand(name="db", help="Go back to the tables of an earlier release", subcommands=DATABASE),
                SERVER_KEY,
            ],
        )
    ]
