"""What a registration means for people: who came, in whose place, and what is different from before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from airflow_plugin.models import TokenRow
from airflow_plugin.queue import events
from airflow_plugin.queue.agent_settings import foreign_queues
from airflow_plugin.queue.events import EventKind
from edge_agent.protocol import AgentState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.models import AgentRow

Event = tuple[EventKind, str]


def note_new(session: Session, agent: AgentRow) -> None:
    """Note that a name was registered for the first time."""
    text = f"Registered for the first time, from host {agent.hostname!r}."
    events.record(session, agent.name, EventKind.REGISTERED, text)


def note(session: Session, before: AgentRow, now: dict[str, Any], token: TokenRow) -> None:
    """Note a registration. ``before``: the agent as it stands yet; ``now``: what its columns will be."""
    for kind, text in (
        _arrival(before, now),
        *_other_token(session, before, token),
        *_other_settings(before, now),
        *_override_is_over(before, now),
    ):
        events.record(session, before.name, kind, text)


def _arrival(before: AgentRow, now: dict[str, Any]) -> Event:
    here, there = repr(now["hostname"]), repr(before.hostname)
    if before.host_key != now["host_key"]:
        return EventKind.SUPERSEDED, f"Host {here} has taken the name over from host {there}, as an admin allowed."
    if before.state == AgentState.LOST:
        return EventKind.RETURNED, f"Registered again after it was lost, from host {here}."
    if before.state == AgentState.OFFLINE:
        return EventKind.REGISTERED, f"Registered again, from host {here}."
    if before.instance == now["instance"]:
        return EventKind.REGISTERED, "Registered again: its session before had ended."
    if before.session_hash is not None and before.hostname != now["hostname"]:
        text = f"A process on host {here} registered under the name; the session of the one on host {there} has ended."
        return EventKind.SUPERSEDED, text
    return EventKind.RESTARTED, f"Another process of host {here} took over from the one before."


def _other_token(session: Session, before: AgentRow, token: TokenRow) -> Iterator[Event]:
    if before.token_id != token.id:
        name = session.scalar(select(TokenRow.name).where(TokenRow.id == before.token_id))
        was = repr(name) if name else "one that is gone"
        yield EventKind.TOKEN_CHANGED, f"Registered with the token {token.name!r}; before: {was}."


def _other_settings(before: AgentRow, now: dict[str, Any]) -> Iterator[Event]:
    if before.slots != now["slots"]:
        yield EventKind.CHANGED, f"Its host is configured with {now['slots']} slots; before: {before.slots}."
    if set(before.queues) != set(now["queues"]):
        theirs, were = ", ".join(now["queues"]), ", ".join(before.queues)
        yield EventKind.CHANGED, f"Its host is configured with the queues {theirs}; before: {were}."
    if (version := now["versions"]["agent"]) != (was := before.versions.get("agent")):
        yield EventKind.CHANGED, f"Runs version {version}; before: {was}."


def _override_is_over(before: AgentRow, now: dict[str, Any]) -> Iterator[Event]:
    if gone := foreign_queues(before.queues_override, now["queues"]):
        text = f"Serves all that it is configured with: {', '.join(gone)}, which an admin had chosen, is not among it."
        yield EventKind.CHANGED, text
