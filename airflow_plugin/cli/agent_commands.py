"""What ``airflow edge-agent agents`` does."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from airflow_plugin.cli.command import RefusedError, command, is_sure, queue, show, user
from airflow_plugin.cli.durations import seconds
from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import agent_settings, agent_views, host_keys, steering


def _state(agent: dict[str, Any]) -> str:
    decided = {"stops_at": "stopping", "drain_requested_at": "draining", "cordoned_at": "cordoned"}
    aside = next((word for column, word in decided.items() if agent[column]), None)
    return f"{agent['state']}, {aside}" if aside else str(agent["state"])


def _conflict(agent: dict[str, Any]) -> str | None:
    """Say who else wants the name of an agent."""
    if agent["host_conflict_at"] is None:
        return None
    where = f" at {agent['host_conflict_address']}" if agent["host_conflict_address"] else ""
    return f"{agent['host_conflict_hostname']!r}{where}, {agent['host_conflicts']}x, last {agent['host_conflict_at']}"


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "name": lambda agent: agent["name"],
    "state": _state,
    "queues": lambda agent: ",".join(agent["queues"]),
    "slots": lambda agent: f"{agent['used_slots']}/{agent['slots']}",
    "running": lambda agent: agent["running"],
    "host": lambda agent: agent["hostname"],
    "version": lambda agent: agent["versions"].get("agent"),
    "last_seen": lambda agent: agent["last_seen_at"],
    "reason": lambda agent: agent["cordon_reason"],
    "host_conflict": _conflict,
}


@command
def list_agents(args: Namespace) -> None:
    """List every agent."""
    with queue() as session:
        agents = [agent.model_dump(mode="json") for agent in agent_views.agents(session, QueueConfig.from_airflow())]
    show(agents, args.output, COLUMNS)


@command
def cordon_agent(args: Namespace) -> None:
    """Cordon one."""
    expiry = seconds(args.expires_in, "--expires-in")
    with queue() as session:
        steering.cordon(session, args.name, by=user(), reason=args.reason, expires_in_seconds=expiry)
    print(f"Agent {args.name!r} is cordoned" + (f" for {args.expires_in}." if expiry else " until it is uncordoned."))


@command
def uncordon_agent(args: Namespace) -> None:
    """Uncordon one."""
    with queue() as session:
        steering.uncordon(session, args.name, by=user())
    print(f"Agent {args.name!r} is offered work again.")


@command
def drain_agent(args: Namespace) -> None:
    """Drain one."""
    deadline = seconds(args.deadline, "--deadline")
    with queue() as session:
        steering.drain(session, args.name, by=user(), reason=args.reason, deadline_seconds=deadline)
    print(f"Agent {args.name!r} stops when its work is done" + (f", or in {args.deadline}." if deadline else "."))


@command
def stop_agent(args: Namespace) -> None:
    """Stop one."""
    grace = 0.0 if args.grace == "0" else seconds(args.grace, "--grace") or 0.0
    with queue() as session:
        steering.stop(session, args.name, by=user(), reason=args.reason, grace_seconds=grace)
    when = f"in {args.grace}" if grace else "now"
    print(f"Agent {args.name!r} stops when nothing runs on it; what still does is cancelled {when}.")


@command
def set_agent(args: Namespace) -> None:
    """Give one other slots or queues, or those of its host again."""
    if args.reset == (args.slots is not None or args.queues is not None):
        msg = "give --slots, --queues or both; or --reset, alone"
        raise RefusedError(msg)
    queues = None if args.queues is None else [word.strip() for word in args.queues.split(",") if word.strip()]
    with queue() as session:
        now = agent_settings.in_force(session, args.name)
        wanted = agent_settings.Override() if args.reset else _merged(now, args.slots, queues)
        agent_settings.change(session, args.name, wanted, by=user(), reason=args.reason)
    slots, served = wanted.slots or "its own", ", ".join(wanted.queues or ()) or "its own"
    print(f"Agent {args.name!r}: slots: {slots}; queues: {served}.")


def _merged(now: agent_settings.Override, slots: int | None, queues: list[str] | None) -> agent_settings.Override:
    """Leave what was not said as it is."""
    return agent_settings.Override(
        now.slots if slots is None else slots,
        now.queues if queues is None else queues,
    )


@command
def delete_agent(args: Namespace) -> None:
    """Delete one, after asking."""
    question = f"Delete agent {args.name!r}? Its running jobs fail, and it is told to kill them. [y/N] "
    if not args.yes and not is_sure(question):
        msg = "nothing was deleted"
        raise RefusedError(msg)
    with queue() as session:
        failed, returned = steering.delete(session, args.name, by=user())
    print(f"Agent {args.name!r} is deleted; {failed} running jobs failed, {returned} offers went back to the queue.")


@command
def re_enrol_agent(args: Namespace) -> None:
    """Let another host have the name of one."""
    within = seconds(args.within, "--within") or host_keys.RE_ENROL_SECONDS
    with queue() as session:
        host_keys.re_enrol(session, args.name, by=user(), reason=args.reason, within_seconds=within)
    print(f"The next other host that registers as {args.name!r} within {args.within} takes the name over.")


@command
def dismiss_conflict(args: Namespace) -> None:
    """Forget that another host asked for the name of one."""
    with queue() as session:
        host_keys.dismiss_conflict(session, args.name)
    print(f"Agent {args.name!r} has no host conflict any more.")
