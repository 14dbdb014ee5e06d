"""What the host of a task may have of Airflow's connections and variables: what its agent's token allows.

Once that is revoked, nothing, XComs included: Airflow itself renews the token of a task for whoever shows it in
time, whatever became of the task.

A task's token names the task instance and not who shows it. Of one that was on several hosts, deferred on one and
resumed on another, any of them may be asking: each of their tokens has to allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, inspect, or_, select

from airflow_plugin.errors import Forbidden
from airflow_plugin.models import SCHEMA, AgentRow, JobRow, TokenRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Kind(StrEnum):
    """What is asked of Airflow."""

    CONNECTION = "connection"
    VARIABLE = "variable"
    XCOM = "XCom"
    """No token has a list of them."""


@dataclass(frozen=True)
class Reached:
    """What a task asks for.

    ``name`` None: more than one, or in a way that this release does not know. ``of_test``: the connection that the
    task, a connection test, is about.
    """

    kind: Kind
    name: str | None = None
    of_test: bool = False


def is_bounded(session: Session) -> bool:
    """Whether any token has a list or was revoked: if not, nothing needs to be looked up.

    Nor where our tables are not made yet.
    """
    if not inspect(session.connection()).has_table(TokenRow.__tablename__, schema=SCHEMA):
        return False
    columns = TokenRow.connections, TokenRow.variables, TokenRow.revoked_at
    bounds = or_(*(column.is_not(None) for column in columns))
    return session.scalar(select(TokenRow.id).where(bounds).limit(1)) is not None


def allow(session: Session, workload_id: UUID, reached: Reached) -> None:
    """Let pass what the hosts of a workload may have; anything, if it never was on one of ours.

    :raises Forbidden: naming the token, and what it does allow.
    """
    lasts = (
        select(JobRow.agent_name, func.max(JobRow.confirmed_at).label("at"))
        .where(JobRow.workload_id == workload_id, JobRow.confirmed_at.is_not(None))
        .group_by(JobRow.agent_name)
        .subquery()
    )
    holders = session.execute(
        select(lasts.c.agent_name, TokenRow)
        .outerjoin(AgentRow, AgentRow.name == lasts.c.agent_name)
        .outerjoin(TokenRow, TokenRow.id == AgentRow.token_id)
        .order_by(lasts.c.at.desc())
    ).all()
    if holders and holders[0].TokenRow is None:
        msg = f"The agent {holders[0].agent_name!r} that had this task is gone, and with it what its host may have."
        raise Forbidden(msg)
    known = [(holder.agent_name, holder.TokenRow) for holder in holders if holder.TokenRow is not None]
    for agent, token in known:
        if token.revoked_at is not None:
            msg = f"The agent token {token.name!r} of {agent!r}, which had this task, was revoked."
            raise Forbidden(msg)
    if any(_patterns(token, reached.kind) is not None for _, token in known):
        name = _tested(session, workload_id) if reached.of_test else reached.name
        for agent, token in known:
            _allow(token, agent, reached.kind, name)


def _allow(token: TokenRow, agent: str, kind: Kind, name: str | None) -> None:
    patterns = _patterns(token, kind)
    if patterns is None or (name is not None and any(fnmatchcase(name, pattern) for pattern in patterns)):
        return
    what = f"the {kind} {name!r}" if name is not None else f"to ask for {kind}s in this way"
    allowed = ", ".join(patterns) or "none"
    msg = f"The agent token {token.name!r} of {agent!r} does not allow {what}; it allows {allowed}."
    raise Forbidden(msg)


def _patterns(token: TokenRow, kind: Kind) -> Sequence[str] | None:
    return {Kind.CONNECTION: token.connections, Kind.VARIABLE: token.variables}.get(kind)


def _tested(session: Session, test_id: UUID) -> str | None:
    from airflow.models.connection_test import ConnectionTestRequest

    return session.scalar(select(ConnectionTestRequest.connection_id).where(ConnectionTestRequest.id == test_id))
