"""Slots and queues that an admin gives an agent at run time. They stand in the table until they are taken back.

Which queues a host takes work from is its operator's to say, and what comes from others it refuses: an admin chooses
among those it is configured with.

What if it dies here? They stand or they do not. The agent is nudged in the same transaction, and each of its
directives holds the whole truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from airflow_plugin.errors import Forbidden, Invalid
from airflow_plugin.models import AgentRow, TokenRow
from airflow_plugin.queue import events
from airflow_plugin.queue.allowances import allow_queues
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.steps import locked_agent
from edge_agent.protocol import NAME_PATTERN
from edge_agent.protocol.agents import MAX_QUEUES, MAX_SLOTS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Override:
    """What an agent is to have instead of what it is configured with; None: as it is configured on its host.

    :raises Invalid: naming what makes no sense.
    """

    slots: int | None = None
    queues: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what no agent could have registered with."""
        if self.slots is not None and not 1 <= self.slots <= MAX_SLOTS:
            msg = f"an agent cannot have {self.slots} slots; give 1 to {MAX_SLOTS}, or cordon it to offer it nothing"
            raise Invalid(msg)
        if self.queues is None:
            return
        if not 1 <= len(self.queues) <= MAX_QUEUES:
            msg = (
                f"an agent cannot serve {len(self.queues)} queues; name 1 to {MAX_QUEUES}, or cordon it to offer it "
                "nothing"
            )
            raise Invalid(msg)
        for queue in self.queues:
            if not re.fullmatch(NAME_PATTERN, queue):
                msg = f"{queue!r} is not a name of a queue: letters, digits, '.', '_' and '-', at most 64 of them"
                raise Invalid(msg)


def in_force(session: Session, name: str) -> Override:
    """Return what an admin has given an agent.

    :raises NotFound: when there is no such agent.
    """
    agent = locked_agent(session, name)
    return Override(agent.slots_override, agent.queues_override)


def change(session: Session, name: str, wanted: Override, *, by: str | None, reason: str | None = None) -> None:
    """Give an agent other slots and queues; it hears of it at once. What runs goes on, wherever it came from.

    :raises NotFound: when there is no such agent.
    :raises Forbidden: when its token, or its host, does not allow one of the queues.
    """
    agent = locked_agent(session, name)
    queues = None if wanted.queues is None else list(dict.fromkeys(wanted.queues))
    token = session.scalar(select(TokenRow).where(TokenRow.id == agent.token_id))
    if queues and token is not None:
        allow_queues(token, queues)
    if refused := foreign_queues(queues, agent.queues):
        msg = (
            f"The host of {name!r} takes no work from queue {', '.join(refused)}; it is configured with "
            f"{', '.join(agent.queues)}. Its operator adds one to EDGE_AGENT_QUEUES, and to 'queues' of its policy."
        )
        raise Forbidden(msg)
    texts = [*_about_slots(agent, wanted.slots), *_about_queues(agent, queues)]
    if not texts:
        return
    changed = update(AgentRow).where(AgentRow.name == name)
    changed = changed.values(slots_override=wanted.slots, queues_override=queues, nudged=True)
    session.execute(changed.execution_options(synchronize_session=False))
    for text in texts:
        events.record(session, name, EventKind.CHANGED, text, by=by, reason=reason)


def foreign_queues(queues: Sequence[str] | None, own: Sequence[str]) -> list[str]:
    """Return those of the queues that an admin gives an agent which its host is not configured with."""
    return sorted(set(queues or ()) - set(own))


def _about_slots(agent: AgentRow, slots: int | None) -> list[str]:
    if slots == agent.slots_override:
        return []
    if slots is None:
        return [f"Has the {agent.slots} slots it is configured with again; before: {agent.slots_override}."]
    return [f"Has {slots} slots; before: {agent.slots_override or agent.slots}."]


def _about_queues(agent: AgentRow, queues: list[str] | None) -> list[str]:
    were = ", ".join(agent.queues_override or agent.queues)
    if queues == agent.queues_override:
        return []
    if queues is None:
        return [f"Serves the queues it is configured with again: {', '.join(agent.queues)}; before: {were}."]
    return [f"Serves the queues {', '.join(queues)}; before: {were}."]
