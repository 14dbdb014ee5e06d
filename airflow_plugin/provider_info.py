"""What Airflow learns of this package when it looks for providers.

Airflow calls this while it reads its own configuration: nothing of Airflow may be imported here.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from airflow_plugin.config import SECTION, QueueConfig
from airflow_plugin.connection_type import CONNECTION_TYPE

NAME = "Edge Agent"

OPTIONS: dict[str, str] = {
    "heartbeat_seconds": """
Seconds between two heartbeats of an agent. Agents are told when they register, so that no host needs to be
configured with it. Raise it for hosts behind slow or metered links; a lost agent is then noticed later.
""",
    "missed_heartbeats": """
Number of heartbeats in a row an agent may miss before it is lost: its running jobs then fail as
``agent_lost``, so that Airflow can retry them elsewhere. Raise it for links that drop out for longer than
``heartbeat_seconds`` times this.
""",
    "offer_seconds": """
Seconds an agent has to confirm a job it was offered. After that the job goes back to the queue; no retry is
burnt. Raise it when confirms over a slow link come too late.
""",
    "poll_seconds": """
Seconds the API server holds a poll of an agent that waits for work; at most 60. Lower it when a proxy
between agents and API server ends requests that wait for as long as this.
""",
    "watch_seconds": """
Seconds between two looks of an API server process at what is queued, while at least one agent waits. One
statement each, whatever the number of agents. Raise it to spare the database; jobs start later by as much.
""",
    "queue_timeout_seconds": """
Seconds a job waits for an agent before it fails as ``queue_timeout``. A task that fails this way is retried
by Airflow as its ``retries`` say. One task's own limit is ``executor_config={"edge_agent":
{"queue_timeout": seconds}}``. Raise it when agents are away for longer than this on purpose.
""",
    "lost_wait_seconds": """
Most seconds that a task with ``executor_config={"edge_agent": {"on_agent_lost": "wait"}}`` stays running after its
agent, now lost, was last heard from; ``wait_seconds`` beside it asks for less. Airflow itself fails a task that it
does not hear from for ``[scheduler] task_instance_heartbeat_timeout``. Raise it for work that is worth waiting for
longer; a host that is gone for good is then noticed later.
""",
    "priority_step_seconds": """
Seconds of head start in the queue that each unit of ``priority_weight`` gives. Waiting counts as much as
weight, so that a low priority never starves. Raise it to make priority count for more.
""",
    "priority_head_start_seconds": """
Largest head start in seconds, forwards or backwards, that priority can give. Raise it when jobs of high
priority wait behind a backlog that is longer than this.
""",
    "sync_seconds": """
Seconds between two looks of the executor, inside the scheduler, for jobs that ended. It reads only those.
Raise it to spare the database; the scheduler then hears of an end later by as much.
""",
    "reconcile_seconds": """
Seconds between two comparisons of jobs with their task instances, a bounded number each time. It is how the
executor notices tasks that a user cleared, marked or deleted. Raise it to spare the database; such a task's
process then ends later.
""",
    "log_chunk_bytes": """
Most bytes of a task's log an agent sends in one request. Lower it when a proxy refuses bodies of this size.
""",
    "log_limit_bytes": """
Most bytes of one job's log that are kept. What comes after is thrown away, and a line in the log says so.
Raise it when logs are cut that people need whole; they stand in the metadata database until they are
uploaded or purged.
""",
    "log_bytes_per_minute": """
Most bytes of its log that one job may send in a minute, to each API server process. An agent is told to pause, and the
log arrives later; what the job writes meanwhile waits on its host, and so does its end. The default is as much as a job
may write at all: lower it, or raise ``log_limit_bytes``, where jobs that write a lot must not hold up others.
""",
    "log_retention_days": """
Days the log of a job that has ended stays in the metadata database. Where a remote log store is configured, logs
go there soon after the end and are removed here. Where none is, this is how long a log can be read; raise it
for as long as people look back, or lower it to keep the database small.
""",
    "job_retention_days": """
Days a job that has ended stays in the job list. Raise it to look further back; each job is one row.
""",
    "event_retention_days": """
Days that what happened to agents can be looked up: registered, lost, cordoned by whom and why. Raise it to look
further back; each event is one row.
""",
    "history_hours": """
Hours that is kept how each agent was from minute to minute: heartbeats, slots, load. Lower it to keep the database
small; it takes about 0.3 MB for each agent and day.
""",
    "batch": """
Most jobs an agent is offered, confirms or reports in one request; at most 256. Lower it when agents with many
slots should leave work to others in a burst.
""",
    "max_tokens": """
Most tokens that may work at one time. Creating one more is refused until one is revoked or has expired. Raise it
for a site with more hosts than this, each with a token of its own.
""",
    "token_retention_days": """
Days a token that was revoked or has expired stays in the list of tokens, with its last use. Raise it to look
further back; its name is free again after that.
""",
    "trusted_proxies": """
Networks of the proxies between agents and API servers, separated by commas, such as ``10.0.4.0/24``. What such a
proxy says in ``X-Forwarded-For`` is taken for the address of an agent, which the networks of a token and the
limits for an address are judged by. Empty: nobody's word is taken, and an agent behind a proxy has the address of
that proxy.
""",
    "requests_per_minute": """
Most requests a minute with one token, in each API server process. What is more is answered with 429 and when to ask
again, which agents obey; other tokens do not notice. Raise it when an agent with very many slots is slowed by it.
""",
    "failed_logins_per_minute": """
Most tokens a minute from one address that do not work, in each API server process. What follows from there is answered
with 429 before anything of it is read. Tokens that have worked in the last ten minutes are not concerned. Raise it
when many hosts behind one address register at once with tokens of which some are wrong.
""",
    "body_limit_bytes": """
Most bytes in the body of a request, but for logs. Lower it to spare memory; it takes 80 bytes for each job that an
agent holds. Raise it when a command with a large payload is refused.
""",
    "max_held_polls": """
Most polls an API server process holds at one time, each from one agent. Agents above that are told to ask again in a
few seconds. Raise it for more agents than that on one process.
""",
    "session_token_seconds": """
Seconds a session's token lives, but at least four heartbeats. Agents are given the next one with a heartbeat, from
half of that time on. It bounds for how long a captured request could be repeated. Lower it for less of that; an
outage that is longer makes agents register again, which costs their work nothing.
""",
    "metrics_seconds": """
Seconds between two measurings of the queue and its agents, where Airflow's own metrics are on (``[metrics]``: StatsD,
Datadog or OpenTelemetry). Agents are asked for their own metrics as often, which come with their heartbeats. Raise it
for very many agents.
""",
    "metrics_agents": """
Most agents whose own metrics are handed on to Airflow's, in the order of their names: each has some 50 of them. What
the server itself measures is of all. Raise it when your metrics can hold more; where a Prometheus reaches the hosts,
let it ask them instead.
""",
}
"""What every option means, by name. Defaults and types come from :class:`QueueConfig`."""


def get_provider_info() -> dict[str, Any]:
    """Return the provider info of this distribution."""
    return {
        "package-name": "airflow-edge-agent",
        "name": NAME,
        "description": (
            "Runs Airflow tasks and commands on hosts behind a firewall, by agents that only ever dial out. "
            "Work is confirmed before it starts, and survives restarts of everything."
        ),
        "operators": [
            _modules(
                "operators.edge_agent_command",
                "operators.agent_sync",
                "operators.agent_async",
                "operators.agent_tmux",
                "operators.remsvc",
            )
        ],
        "sensors": [_modules("sensors.edge_agent_job", "sensors.agent_status")],
        "triggers": [_modules("triggers.edge_agent_commands")],
        "task-decorators": [
            {
                "name": "edge_agent_command",
                "class-name": "airflow_plugin.decorators.edge_agent_command.edge_agent_command_task",
            }
        ],
        "executors": ["airflow_plugin.executor.AgentExecutor"],
        "db-managers": ["airflow_plugin.db.EdgeAgentDBManager"],
        "plugins": [{"name": "edge_agent", "plugin-class": "airflow_plugin.plugin.EdgeAgentPlugin"}],
        "extra-links": ["airflow_plugin.links.EdgeAgentJobsLink", "airflow_plugin.links.EdgeAgentJobLink"],
        "cli": ["airflow_plugin.cli.definition.get_commands"],
        "integrations": [{"integration-name": NAME, "tags": ["software"]}],
        "hooks": [{"integration-name": NAME, "python-modules": ["airflow_plugin.hooks.edge_agent"]}],
        "connection-types": [CONNECTION_TYPE],
        "config": {
            SECTION: {
                "description": (
                    "The queue that airflow-edge-agent keeps in Airflow's metadata database for its agents. "
                    "Read by schedulers and API servers; agents are told what they need."
                ),
                "options": {field.name: _option(field.name, field.default) for field in fields(QueueConfig)},
            }
        },
    }


def _modules(*names: str) -> dict[str, Any]:
    return {
        "integration-name": "Edge Agent",
        "python-modules": [f"airflow_plugin.{name}" for name in names],
    }


def _option(name: str, default: Any) -> dict[str, Any]:
    return {
        "description": OPTIONS[name].strip() + "\n",
        "version_added": "0.1.0",
        "type": {int: "integer", float: "float", str: "string"}[type(default)],
        "example": None,
        "default": str(default),
    }
