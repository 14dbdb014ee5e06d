"""Which agent is meant by what a command calls it: its name, else the name of its host, else its address.

A hostname is what a host says of itself, and an address what the server saw last: whoever must be sure names the
agent, whose name belongs to one host's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from airflow_plugin.errors import Forbidden, Invalid, NotFound
from airflow_plugin.models import AgentRow
from airflow_plugin.queue.allowances import parse_address

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.models import TokenRow

AGENT_NAME = "agent.name"
"""The capability that the server itself gives each agent: by it a command asks for one of them."""

MOST_NAMED = 5


@dataclass(frozen=True)
class Callee:
    """An agent that is called, and the queues it serves."""

    name: str
    queues: tuple[str, ...]

    def queue_for(self, token: TokenRow) -> str:
        """Return the first of its queues that a token allows.

        :raises Forbidden: when there is none.
        """
        for queue in self.queues:
            if token.queues is None or queue in token.queues:
                return queue
        serves, allows = ", ".join(self.queues), ", ".join(token.queues or ())
        msg = (
            f"The submit token {token.name!r} allows no queue that the agent {self.name!r} serves: "
            f"it allows {allows}; the agent serves {serves}."
        )
        raise Forbidden(msg)


def find(session: Session, called: str, team: str | None) -> Callee:
    """Return the agent of a team that is meant.

    :raises NotFound: when there is none.
    :raises Invalid: when several are meant, naming them.
    """
    address = str(parse_address(called) or called)
    rows = session.execute(
        select(AgentRow.name, AgentRow.hostname, AgentRow.address, AgentRow.queues, AgentRow.queues_override)
        .where(AgentRow.team_name == team)
        .where(
            or_(
                AgentRow.name == called,
                func.lower(AgentRow.hostname) == called.lower(),
                AgentRow.address.in_({called, address}),
            )
        )
        .order_by(AgentRow.name)
    ).all()
    by_name = [row for row in rows if row.name == called]
    by_hostname = [row for row in rows if row.hostname.lower() == called.lower()]
    meant = by_name or by_hostname or rows
    if not meant:
        whose = f"of team {team!r}" if team else "without a team"
        msg = f"No agent {whose} has the name, the hostname or the address {called!r}. Has it registered yet?"
        raise NotFound(msg)
    if len(meant) > 1:
        msg = f"{len(meant)} agents are meant by {called!r}: {_named(meant)}. Give the name of one."
        raise Invalid(msg)
    return Callee(meant[0].name, tuple(meant[0].queues_override or meant[0].queues))


def _named(rows: Sequence[Any]) -> str:
    names = [row.name for row in rows]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
