"""Which names live on a token: one for good, a number of them, or any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from airflow_plugin.errors import Forbidden
from airflow_plugin.models import AgentRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.models import TokenRow


def allow_enrolment(session: Session, token: TokenRow, agent: str) -> None:
    """Let pass a name that lives on a token already, or that there is room for. The token must be locked.

    :raises Forbidden: saying who has the room, and what to do.
    """
    if token.one_time and token.enrolled_agent not in {None, agent}:
        msg = (
            f"The one-time token {token.name!r} has registered the agent {token.enrolled_agent!r} and registers no "
            "other. Ask an admin for a token of your own."
        )
        raise Forbidden(msg)
    if token.max_agents is None:
        return
    others = select(AgentRow.name).where(AgentRow.token_id == token.id, AgentRow.name != agent).order_by(AgentRow.name)
    names = list(session.scalars(others.limit(token.max_agents)))
    if len(names) >= token.max_agents:
        msg = (
            f"The agent token {token.name!r} is for {token.max_agents} agents, and there are {', '.join(names)}. "
            "Delete one that is gone, or ask an admin for another token."
        )
        raise Forbidden(msg)
