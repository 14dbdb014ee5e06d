"""Commands as those see them who submit, run and read them, each verb in a transaction of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from airflow_plugin.errors import Conflict
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue import command_output, command_views, command_watch, commands, logs, offers, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from edge_agent.protocol import JobKind
from edge_agent.protocol.commands import CommandView, News, Seen, Submit
from edge_agent.protocol.streams import Stream
from tests.support.queue_bed import Agent, QueueBed

NUMBERS = itertools.count(1)
DEFAULT_QUEUE = "default"


@dataclass
class CommandBed:
    """A queue with one submit token that allows everything."""

    queue: QueueBed

    def __post_init__(self) -> None:
        self.token = self.new_token()

    def new_token(self, **allowance: Any) -> TokenRow:
        """Return a new submit token."""
        name = f"submits-{next(NUMBERS)}"
        with self.queue.database.transaction() as session:
            tokens.create(session, name, Allowance(kind=TokenKind.SUBMIT, **allowance))
            return session.scalars(select(TokenRow).where(TokenRow.name == name)).one()

    def agent(self, name: str = "a1", **registration: Any) -> Agent:
        """Register an agent that runs commands."""
        return self.queue.register(name, kinds=(JobKind.COMMAND,), **registration)

    def ask(self, token: TokenRow | None = None, **asked: Any) -> commands.Placed | Conflict:
        """Submit, and return what came of it."""
        with self.queue.database.transaction() as session:
            return commands.submit(
                session,
                token or self.token,
                Submit(**{"command": "true"} | asked),
                self.queue.config,
                default_queue=DEFAULT_QUEUE,
            )

    def submit(self, token: TokenRow | None = None, **asked: Any) -> UUID:
        """Submit what must be taken; return its id."""
        placed = self.ask(token, **asked)
        assert isinstance(placed, commands.Placed), placed
        return placed.id

    def offered(self, agent: Agent) -> dict[UUID, UUID]:
        """Offer an agent what is queued and may run there, as the watcher finds it; return assignments by job."""
        row = self.queue.agent(agent.name)
        with self.queue.database.transaction() as session:
            queued = [each.key for each in session.execute(offers.demand())]
            places = offers.placements(session, queued)
        keys = [
            key
            for key, place in places.items()
            if place.serves(team=row.team_name, queues=row.queues) and not place.lacking(row.capabilities)
        ]
        return {offer.job_id: offer.assignment_id for offer in self.queue.offer(agent, keys=keys)} if keys else {}

    def start(self, agent: Agent, *ids: UUID) -> list[UUID]:
        """Let an agent start these, as it is offered all that is queued; return their assignments."""
        offered = self.offered(agent)
        started, _ = self.queue.confirm(agent, *(offered[id_] for id_ in ids))
        assert len(started) == len(ids)
        return [offered[id_] for id_ in ids]

    def running(self, agent: Agent | None = None, **asked: Any) -> tuple[UUID, UUID]:
        """Return a command that runs, and its assignment."""
        job_id = self.submit(**asked)
        (assignment,) = self.start(agent or self.agent(), job_id)
        return job_id, assignment

    def says(self, agent: str, assignment: UUID, *chunks: bytes, limit: int = 10**6) -> None:
        """Send log bytes behind those that are there."""
        for data in chunks:
            with self.queue.database.transaction() as session:
                offset = session.scalars(select(JobRow.log_bytes).where(JobRow.assignment_id == assignment)).one()
                logs.append(session, agent=agent, assignment_id=assignment, offset=offset, data=data, limit=limit)

    def cancel(self, job_id: UUID, reason: str = "why not", *, only_if_unwanted: bool = False) -> None:
        with self.queue.database.transaction() as session:
            commands.cancel(session, job_id, reason, only_if_unwanted=only_if_unwanted)

    def view(self, job_id: UUID, token: TokenRow | None = None) -> CommandView:
        with self.queue.database.transaction() as session:
            return command_views.detail(session, self.queue.config, (token or self.token).id, job_id)

    def log(self, job_id: UUID, offset: int = 0, limit: int = 1000) -> command_output.LogBytes:
        with self.queue.database.transaction() as session:
            return command_output.log_bytes(session, self.token.id, job_id, offset=offset, limit=limit)

    def tail(
        self, job_id: UUID, stream: Stream = Stream.STDOUT, limit: int = 1000, log_limit: int = 10**6
    ) -> command_output.Tail:
        with self.queue.database.transaction() as session:
            return command_output.tail(session, self.token.id, job_id, stream=stream, limit=limit, log_limit=log_limit)

    def watch(self, *seen: Seen, token: TokenRow | None = None) -> News:
        """Return what a watch is answered that does not wait."""
        with self.queue.database.transaction() as session:
            news, _ = command_watch.begin(session, (token or self.token).id, seen, 10**6)
            return news

    def jobs(self) -> list[JobRow]:
        with self.queue.database.transaction() as session:
            return list(session.scalars(select(JobRow).order_by(JobRow.queued_at, JobRow.id)))
