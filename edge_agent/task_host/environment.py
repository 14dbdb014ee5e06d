"""The environment of the zygote, and so of every task: the site's settings, and nothing secret.

Of what Airflow reads on the host, an environment variable wins over ``airflow.cfg``, and these win
over the variables the agent itself was started with:

=============================================================  ============================================
variable                                                       why the host may not set it
=============================================================  ============================================
``AIRFLOW__CORE__EXECUTOR``                                    a Dag that names an executor the parsing host
                                                               does not know does not parse
``AIRFLOW__CORE__EXECUTION_API_SERVER_URL``                    the site's address is the agent's to know
``AIRFLOW__CORE__HOSTNAME_CALLABLE``                           two agents on one host must not look like one:
                                                               Airflow tells running copies apart by hostname
``AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS``                    an API outage must not kill a task
``AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT``        the supervisor spins without pause once its
                                                               last heartbeat is older than 4/3 of it
``AIRFLOW__DATABASE__SQL_ALCHEMY_CONN``, ``_CONN_ASYNC``,      a host has no metadata database; an
 ``_ENGINE_ARGS``                                              ``airflow.cfg`` copied from a server must not
                                                               make it look for one, or ask for its driver
=============================================================  ============================================

``AIRFLOW__LOGGING__REMOTE_LOGGING`` is off where logs stay on the host (``task_logs``).

These are only defaults, a variable of the agent wins: ``AIRFLOW__OPERATORS__DEFAULT_QUEUE``, which is
the site's; ``AIRFLOW__API__SSL_CA_FILE``, ``_CLIENT_SSL_CERT`` and ``_CLIENT_SSL_KEY``, which are the
agent's; and ``AIRFLOW__CORE__LOAD_EXAMPLES``, off, because with it each task looks through all
providers for example Dags, and Airflow's example plugins write into every task's log.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from edge_agent.attempt_dir import AttemptDir

if TYPE_CHECKING:  # a task's process reads this, and needs nothing of the agent
    from edge_agent.task_logs import Where

SERVER = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
"""Where a task talks to Airflow."""

AGENT_NAME = "EDGE_AGENT_NAME"
"""Which agent runs a task; what :func:`edge_agent.task_host.hostname.agent_name` answers with."""

ASSIGNMENT_ID = "EDGE_AGENT_ASSIGNMENT_ID"
JOB_ID = "EDGE_AGENT_JOB_ID"
"""Which job a task is, and in whose hands: for people who look for it in the agent's log or on the page."""

PROXY = "EDGE_AGENT_PROXY"
"""The agent's own, with a login perhaps: taken out of the environment before anything of a task runs."""

TASK_LOGS = "EDGE_AGENT_TASK_LOGS"
"""Where the logs of tasks go, if not through the queue: for the check that this Airflow can, and taken out by it."""

_LOGS: dict[Where, dict[str, str]] = {
    "push": {},
    "store": {TASK_LOGS: "store"},
    "off": {TASK_LOGS: "off", "AIRFLOW__LOGGING__REMOTE_LOGGING": "False"},
}

LOAD_EXAMPLES = "AIRFLOW__CORE__LOAD_EXAMPLES"

OWN_PREFIX = "EDGE_AGENT_"
"""The agent's own settings. None of them is a task's business, and one of them is its token."""

NEVER = "1000000000"
"""Of heartbeats or seconds: more than any task will see (as seconds, 31 years)."""


def task_environment(
    inherited: Mapping[str, str],
    *,
    agent_name: str,
    executor: str,
    default_queue: str,
    server: str,
    way: Mapping[str, str] | None = None,
    task_logs: Where = "push",
) -> dict[str, str]:
    """Build the environment of the zygote from the one the agent was started with.

    :param inherited: the agent's own environment; its ``EDGE_AGENT_*`` variables are left out.
    :param executor: the site's ``[core] executor`` string, from the answer to the registration.
    :param default_queue: the site's ``[operators] default_queue``, from the same answer.
    :param server: URL of the site's Execution API.
    :param way: how it is reached, from :func:`way_of`.
    :param task_logs: where the logs of tasks go.
    """
    passed_on = {name: value for name, value in inherited.items() if not name.startswith(OWN_PREFIX)}
    defaults = {LOAD_EXAMPLES: "False", "AIRFLOW__OPERATORS__DEFAULT_QUEUE": default_queue, **(way or {})}
    fixed = {
        AGENT_NAME: agent_name,
        "AIRFLOW__CORE__EXECUTOR": executor,
        SERVER: server,
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "edge_agent.task_host.hostname.agent_name",
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": NEVER,
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": NEVER,
        # Airflow builds an engine whether it is used or not, and refuses one in memory.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////dev/null",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": "sqlite+aiosqlite:////dev/null",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_ENGINE_ARGS": "{}",
        **_LOGS[task_logs],
    }
    return defaults | passed_on | fixed


def way_of(
    *, ca_file: Path | None, client_cert_file: Path | None, client_key_file: Path | None, proxy: SecretStr | None
) -> dict[str, str]:
    """Return what makes a task reach Airflow the way its agent does."""
    files = {
        "AIRFLOW__API__SSL_CA_FILE": ca_file,
        "AIRFLOW__API__CLIENT_SSL_CERT": client_cert_file,
        "AIRFLOW__API__CLIENT_SSL_KEY": client_key_file or client_cert_file,
    }
    way = {name: str(file) for name, file in files.items() if file is not None}
    return way | ({PROXY: proxy.get_secret_value()} if proxy else {})


def of_attempt(attempt: AttemptDir, *, agent: str, server: str) -> dict[str, str]:
    """Return what one attempt adds to the environment of the zygote. Nothing in it is secret."""
    offer = attempt.read("offer.json") or {}
    return {
        AGENT_NAME: agent,
        ASSIGNMENT_ID: attempt.path.name,
        JOB_ID: offer.get("job_id", ""),
        SERVER: server,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(attempt.log_folder),
    }
