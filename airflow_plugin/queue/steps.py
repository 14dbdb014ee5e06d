"""The one way a job changes its state: a guarded statement made from the table of transitions.

Who changes several rows in one transaction locks them in one order, or two of them could wait for each
other: agents by name before jobs by id. Duties that come again anyway take only what is :func:`at_hand`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, func, select, update

from airflow_plugin import clock
from airflow_plugin.errors import NotFound
from airflow_plugin.models import JOBS, AgentRow, JobRow
from edge_agent.protocol import JobState, sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def step(verb: str, target: JobState, **values: Any) -> Update:
    """Return ``UPDATE edge_agent_job SET state = target ... WHERE state IN (where verb may start)``.

    The caller adds which jobs; a job that is elsewhere by now is not touched, and whoever counts the
    rows sees the conflict. Ending a job stamps the time and tells its owner; going back to the queue
    forgets the holder.

    The guard does not choose the rows, it only refuses them: wrapped in ``coalesce`` it cannot tempt
    Postgres into walking a partial index of that state, whose size the planner only knows as of the
    last vacuum (an empty queue, usually). A caller that looks jobs up by their state says so itself.

    :raises ValueError: when no transition of that name leads to ``target``.
    """
    values = {"state": target, **values}
    if target.is_terminal:
        values |= {"ended_at": clock.now(), "notify": JobRow.owner.is_not(None)}
    if target is JobState.QUEUED:
        values |= {
            "agent_name": None,
            "hostname": None,
            "session_id": None,
            "assignment_id": None,
            "offered_at": None,
            "offer_expires_at": None,
            "confirmed_at": None,
            "silent_beat": 0,
            "log_bytes": 0,
            "log_full": False,
            "read_offset": 0,
        }
    return update(JOBS).where(func.coalesce(JobRow.state, "").in_(sources_of(target, verb))).values(**values)


def lock(session: Session, which: ColumnElement[bool]) -> list[UUID]:
    """Lock jobs until the transaction ends, in the order of their ids, and return these.

    An ``UPDATE`` of several rows locks them in whatever order its plan meets them. Called before the first
    of a transaction's statements that changes more than one job, and for all that it may change.
    """
    return list(session.scalars(select(JobRow.id).where(which).order_by(JobRow.id).with_for_update()))


def locked_agent(session: Session, name: str) -> AgentRow:
    """Lock an agent until the transaction ends, and return it as it is.

    :raises NotFound: when there is no such agent.
    """
    found = select(AgentRow).where(AgentRow.name == name).with_for_update()
    agent = session.scalar(found.execution_options(populate_existing=True))
    if agent is None:
        msg = f"there is no agent named {name!r}"
        raise NotFound(msg)
    return agent


def at_hand(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return ``condition``, narrowed to jobs that nobody else is changing at this moment.

    For duties that come again anyway: two of them never wait for each other, nor make an agent wait.
    """
    return JobRow.id.in_(select(JobRow.id).where(condition).with_for_update(skip_locked=True))


def agents_at_hand(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return ``condition`` on agents, narrowed in the same way. One who is heard from just now is not silent."""
    return AgentRow.name.in_(select(AgentRow.name).where(condition).with_for_update(skip_locked=True))
