"""The queue's verbs as its users see them, each in a transaction of its own, as the API runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Row, select, true

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import agents, assignments, jobs, offers, steering, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.sessions import SessionRef
from edge_agent.protocol import (
    Beat,
    Ending,
    EndReason,
    JobKind,
    JobState,
    Offer,
    Refused,
    Registration,
    Versions,
    Withdrawn,
)
from tests.support.queue_database import QueueDatabase

OWNER = "1"
QUEUE = "default"
HOST_KEY = "a" * 43
ASKS_FROM: dict[str, Any] = {"host_key": HOST_KEY, "address": None, "version": 1, "token_seconds": 3600.0}
"""Whoever registers, where nothing else matters."""


@dataclass(frozen=True)
class Agent:
    """An agent with the session it has, whether or not that is still current."""

    name: str
    session_id: UUID
    secret: str
    registered: agents.Registered
    slots: int
    host_key: str = HOST_KEY

    @property
    def ref(self) -> SessionRef:
        """What its requests show."""
        return SessionRef(self.session_id, SecretStr(self.secret), self.host_key)


@dataclass(frozen=True)
class Held:
    """A job as one finds it in some state, and who has it. ``assignment`` is its last one, if it had any."""

    id: UUID
    agent: Agent
    assignment: UUID


class QueueBed:
    """A queue that is empty at first. Whatever a test does not care about has a default."""

    def __init__(self, database: QueueDatabase, config: QueueConfig | None = None) -> None:
        self.database = database
        self.config = config or QueueConfig()

    # -- those who want work done

    def submit(
        self,
        *,
        queue: str = QUEUE,
        requires: Mapping[str, Any] | None = None,
        team: str | None = None,
        owner: str | None = OWNER,
        label: str = "a job",
        payload: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> UUID:
        """Submit a job; ``others`` as in :class:`~airflow_plugin.queue.jobs.NewJob`."""
        job = jobs.NewJob(
            kind=JobKind.TASK,
            placement=Placement(queue, team, requires or {}),
            payload=payload or {},
            label=label,
            owner=owner,
            **others,
        )
        with self.database.transaction() as session:
            return jobs.submit(session, job, self.config)

    def cancel(self, *ids: UUID, why: str = "not wanted") -> int:
        with self.database.transaction() as session:
            return jobs.cancel(session, ids, why)

    def heard(self, owner: str = OWNER) -> list[Row[Any]]:
        """Return what a scheduler has not heard of yet, and mark it heard."""
        with self.database.transaction() as session:
            return jobs.hear(session, owner)

    # -- agents

    def token(self, team: str | None = None) -> TokenRow:
        """Return a token that allows everything to agents of a team, the same one each time."""
        with self.database.transaction() as session:
            name = f"of-{team or 'all'}"
            if session.scalar(select(TokenRow).where(TokenRow.name == name)) is None:
                tokens.create(session, name, Allowance(team_name=team))
            return session.scalars(select(TokenRow).where(TokenRow.name == name)).one()

    def register(
        self,
        name: str = "a1",
        *,
        team: str | None = None,
        queues: Sequence[str] = (QUEUE,),
        slots: int = 4,
        capabilities: Mapping[str, Any] | None = None,
        held: Iterable[UUID] = (),
        never_started: Iterable[UUID] = (),
        instance: UUID | None = None,
        host_key: str = HOST_KEY,
        hostname: str = "host.example",
        kinds: Sequence[JobKind] = (JobKind.TASK,),
        address: str = "192.0.2.1",
    ) -> Agent:
        asked = self.registration(
            instance=instance or uuid4(),
            hostname=hostname,
            queues=tuple(queues),
            kinds=tuple(kinds),
            slots=slots,
            capabilities=dict(capabilities or {}),
            held=tuple(held),
            never_started=tuple(never_started),
        )
        token = self.token(team)
        with self.database.transaction() as session:
            opened = agents.register(
                session, name, asked, token=token, **ASKS_FROM | {"host_key": host_key, "address": address}
            )
        return Agent(name, opened.session_id, opened.secret.value.get_secret_value(), opened, slots, host_key)

    def registration(self, **changed: Any) -> Registration:
        """Return what an agent asks with."""
        usual: dict[str, Any] = {
            "instance": uuid4(),
            "hostname": "host.example",
            "queues": (QUEUE,),
            "kinds": (JobKind.TASK,),
            "slots": 4,
            "capabilities": {},
            "versions": Versions(agent="1", python="3.11"),
        }
        return Registration(**usual | changed)

    def delete(self, name: str) -> None:
        with self.database.transaction() as session:
            steering.delete(session, name)

    def beat(self, agent: Agent, number: int, held: Iterable[UUID] = (), **others: Any) -> agents.Heard:
        beat = Beat(number=number, held=tuple(held), free_slots=others.pop("free_slots", 0), **others)
        with self.database.transaction() as session:
            return agents.hear(session, agent.ref, beat, token_seconds=self.config.session_life_seconds)

    def offer(
        self,
        agent: Agent,
        *,
        free: int | None = None,
        keys: Sequence[str] | None = None,
        limit: int = 64,
        seconds: float | None = None,
    ) -> list[Offer]:
        """Claim for an agent, of these placements or of whatever is queued."""
        with self.database.transaction() as session:
            claimant = offers.Claimant(agent.name, agent.session_id, agent.slots, agent.slots if free is None else free)
            return offers.offer(
                session,
                claimant,
                [row.key for row in session.execute(offers.demand())] if keys is None else keys,
                limit=limit,
                offer_seconds=self.config.offer_seconds if seconds is None else seconds,
            )

    def confirm(
        self, agent: Agent, *ids: UUID, wanted: ColumnElement[bool] | None = None
    ) -> tuple[list[UUID], dict[UUID, JobState | None]]:
        """Return what may start, and where the others stand."""
        starts, withdrawn = self.confirm_whole(agent, *ids, wanted=wanted)
        return [start.assignment_id for start in starts], {each.assignment_id: each.state for each in withdrawn}

    def confirm_whole(
        self, agent: Agent, *ids: UUID, wanted: ColumnElement[bool] | None = None
    ) -> tuple[list[assignments.Start], list[Withdrawn]]:
        with self.database.transaction() as session:
            return assignments.confirm(
                session,
                agent=agent.name,
                session_id=agent.session_id,
                ids=ids,
                wanted=true() if wanted is None else wanted,
            )

    def report(
        self,
        agent: Agent,
        *ids: UUID,
        state: JobState = JobState.SUCCEEDED,
        reason: EndReason = EndReason.EXIT,
        **others: Any,
    ) -> tuple[list[UUID], list[Refused]]:
        endings = [Ending(assignment_id=id_, state=state, reason=reason, log_bytes=0, **others) for id_ in ids]
        with self.database.transaction() as session:
            return assignments.report(session, agent=agent.name, endings=endings)

    # -- a job in some state

    def put(self, state: JobState, agent: Agent | None = None, **job: Any) -> Held:
        """Bring a new job into a state, by the verbs that lead there."""
        agent = agent or self.register()
        id_ = self.submit(**job)
        if state is JobState.QUEUED:
            return Held(id_, agent, uuid4())
        (offered,) = self.offer(agent, keys=[self.job(id_).placement], limit=1)
        assert offered.job_id == id_, "another job was queued before this one"
        held = Held(id_, agent, offered.assignment_id)
        if state is not JobState.OFFERED:
            assert self.confirm(agent, held.assignment)[0]
        if state.is_terminal:
            reasons = {JobState.CANCELLED: EndReason.CANCELLED}
            self.report(agent, held.assignment, state=state, reason=reasons.get(state, EndReason.EXIT))
        return held

    # -- what the tables say

    def job(self, id_: UUID) -> JobRow:
        with self.database.transaction() as session:
            return session.scalars(select(JobRow).where(JobRow.id == id_)).one()

    def state(self, id_: UUID) -> JobState:
        return JobState(self.job(id_).state)

    def agent(self, name: str = "a1") -> AgentRow:
        with self.database.transaction() as session:
            return session.scalars(select(AgentRow).where(AgentRow.name == name)).one()
