"""Commands from the side of those who want them run: submit, cancel. The queue knows them as jobs like any other.

Two things are the database's to decide, by unique indexes, whoever is first: that a key is one command, and that of
a family never more than one is open.

===========================================  ===========================================================
what if it dies here?                        what comes of it
===========================================  ===========================================================
submitted, and the answer is lost            sent again with its key it is the same command, ended or not
the earlier one of a family is to end        it is cancelled all the same; the submit is sent again
the submitter dies for good                  with a tie, the command ends; without one it goes on
===========================================  ===========================================================
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql, sqlite

from airflow_plugin.errors import Conflict, Invalid
from airflow_plugin.models import FAMILY_IS_OPEN, JobRow
from airflow_plugin.queue import callees, jobs, submitters, ties
from airflow_plugin.queue.allowances import allow_queues
from airflow_plugin.queue.placement import Placement, validated_requirements
from edge_agent.protocol import JobKind, JobState, RunnerName
from edge_agent.protocol.commands import OnAgentLost
from edge_agent.protocol.streams import Streams

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig
    from airflow_plugin.models import TokenRow
    from edge_agent.protocol.commands import Submit, Tie

ATTEMPTS = 5
"""How often a submit looks who was quicker, when the quicker one is gone by then."""

SUPERSEDED = "A newer command of the same family was submitted: a later try of its task, for one."


@dataclass(frozen=True)
class Placed:
    """A command in the queue. ``attached``: its key was sent before."""

    id: UUID
    attached: bool


def submit(
    session: Session,
    token: TokenRow,
    asked: Submit,
    config: QueueConfig,
    *,
    default_queue: str,
    traceparent: str | None = None,
) -> Placed | Conflict:
    """Queue a command, or find the one that its key stands for.

    ``default_queue``: where it goes when neither it nor its token names a queue. ``traceparent``: the span of whoever
    submits, which the host is told. Not what is asked: the same command sent again may come from another.

    :returns: the refusal where an earlier one of its family is still open: returned, for that this one is now asked
        to end is to be kept.
    :raises Forbidden: when the token does not allow the queue or the user.
    :raises NotFound: when there is no such agent.
    :raises Invalid: when several agents are meant, or what it requires or wants to wait makes no sense.
    :raises Conflict: when its task instance is not waited for any more.
    """
    key = digest(token, asked.key)
    if (known := _of_key(session, key)) is not None:
        return Placed(known, attached=True)
    job = _job(session, token, asked, config, default_queue)
    if traceparent is not None:
        job = replace(job, payload={**job.payload, "traceparent": traceparent})
    if asked.tie is not None:
        ties.require(session, asked.tie)
    family = digest(token, asked.family)
    values = jobs.columns_of(job, config) | _columns(token, asked) | {"submit_key": key, "family": family}
    for _ in range(ATTEMPTS):
        if _insert(session, values):
            return Placed(job.id, attached=False)
        if (known := _of_key(session, key)) is not None:
            return Placed(known, attached=True)
        if (earlier := _end_earlier(session, family)) is not None:
            return earlier
    msg = "Others submit commands of this family at this moment. Submit it again."
    return Conflict(msg, None)


def digest(token: TokenRow, text_sent: str | None) -> str | None:
    """Return what a key or a family of a token is stored as: nobody else's token ever has the same."""
    if text_sent is None:
        return None
    return hashlib.sha256(json.dumps([str(token.id), text_sent]).encode()).hexdigest()[:32]


def cancel(session: Session, job_id: UUID, reason: str, *, only_if_unwanted: bool) -> None:
    """Have a command ended; one that has ended stays as it is.

    ``only_if_unwanted``: only when Airflow has gone on without the task instance that it ends with.
    """
    if only_if_unwanted:
        ties.end_unwanted(session, only=job_id)
    else:
        jobs.cancel(session, [job_id], reason)


def _of_key(session: Session, key: str | None) -> UUID | None:
    return None if key is None else session.scalar(select(JobRow.id).where(JobRow.submit_key == key))


def _insert(session: Session, values: dict[str, Any]) -> bool:
    """Insert a command unless its key is there, or an open one of its family; one statement, so that one wins."""
    new: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    row = new(JobRow).values(**values).on_conflict_do_nothing().returning(JobRow.id)
    return session.execute(row).first() is not None


def _end_earlier(session: Session, family: str | None) -> Conflict | None:
    """Have the open command of a family ended; None when it is, by now."""
    open_one = select(JobRow.id, JobRow.state, JobRow.agent_name).where(JobRow.family == family, text(FAMILY_IS_OPEN))
    earlier = session.execute(open_one).first()
    if earlier is None:
        return None
    jobs.cancel(session, [earlier.id], SUPERSEDED)
    stands: Any = session.execute(open_one.where(JobRow.id == earlier.id)).first()
    if stands is None:
        return None
    msg = (
        f"An earlier command of this family, {stands.id}, is still {stands.state}: the agent {stands.agent_name!r} "
        "is asked to end it. Submit this one again when it has ended."
    )
    return Conflict(msg, JobState(stands.state))


def _job(session: Session, token: TokenRow, asked: Submit, config: QueueConfig, default_queue: str) -> jobs.NewJob:
    submitters.allow_user(token, asked.run_as_user)
    requires = validated_requirements(asked.requires)
    callee = None if asked.agent is None else callees.find(session, asked.agent, token.team_name)
    if asked.queue is not None:
        queue = asked.queue
    elif callee is not None:
        queue = callee.queue_for(token)
    else:
        queue = token.queues[0] if token.queues else default_queue
    allow_queues(token, [queue])
    requires[f"kind.{JobKind.COMMAND}"] = True
    if callee is not None:
        requires[callees.AGENT_NAME] = callee.name
    if asked.runner is RunnerName.TMUX:
        requires[f"runner.{RunnerName.TMUX}"] = True
    return jobs.NewJob(
        kind=JobKind.COMMAND,
        placement=Placement(queue, token.team_name, requires),
        payload=payload_of(asked),
        label=asked.label or _label(asked.tie, asked.name),
        runner=asked.runner,
        slots=asked.slots,
        priority_weight=asked.priority_weight,
        queue_timeout_seconds=asked.queue_timeout_seconds or config.queue_timeout_seconds,
        lost_wait_seconds=_lost_wait_seconds(asked, config),
    )


def payload_of(asked: Submit) -> dict[str, Any]:
    """Return what the host is told, and the server signs. What is not asked for is left out."""
    command = asked.command if isinstance(asked.command, str) else list(asked.command)
    others: dict[str, Any] = {
        "shell": asked.shell and asked.shell.value,
        "env": dict(asked.env),
        "cwd": asked.cwd,
        "run_as_user": asked.run_as_user,
        "timeout_seconds": asked.timeout_seconds,
        "streams": asked.streams.value if asked.streams is Streams.APART else None,
    }
    return {"command": command} | {name: value for name, value in others.items() if value}


def _label(tie: Tie | None, name: str) -> str:
    """Return what people see of a command that says nothing of itself. Not the command: it may hold a secret."""
    if tie is None:
        return f"command {name}"
    mapped = f"[{tie.map_index}]" if tie.map_index >= 0 else ""
    return f"{tie.dag_id}.{tie.task_id}{mapped} {tie.run_id} try {tie.try_number} command {name}"


def _lost_wait_seconds(asked: Submit, config: QueueConfig) -> float | None:
    if asked.on_agent_lost is not OnAgentLost.WAIT:
        return None
    if asked.lost_wait_seconds is not None and asked.lost_wait_seconds > config.lost_wait_seconds:
        msg = (
            f"lost_wait_seconds is {asked.lost_wait_seconds:g}; this site allows at most {config.lost_wait_seconds:g} "
            "([edge_agent] lost_wait_seconds)"
        )
        raise Invalid(msg)
    return asked.lost_wait_seconds or config.lost_wait_seconds


def _columns(token: TokenRow, asked: Submit) -> dict[str, Any]:
    """Return what is stored of a command beside what every job has."""
    own: dict[str, Any] = {
        "command_name": asked.name,
        "submit_token_id": token.id,
        "streams": asked.streams,
    }
    if asked.tie is not None:
        tie = asked.tie
        own |= {"tie_id": tie.id, "tied": tie.ends_with_it}
        own |= {name: getattr(tie, name) for name in ("dag_id", "run_id", "task_id", "map_index", "try_number")}
    return own
