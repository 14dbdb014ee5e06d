"""Anything that may happen, in any order, with answers lost, processes killed and time passing.

Agents here are honest and forgetful: they start only what was confirmed to them, kill what they are told
to drop, and know after a crash what they had started. Whatever the order, then, no job starts twice and
none is left without an end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from airflow_plugin import clock
from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import NotFound, SessionEnded
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import steering
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.reaper import Reaper
from edge_agent.protocol import AgentState, EndReason, JobState
from tests.support.queue_bed import QUEUE, Agent, QueueBed
from tests.support.queue_database import QueueDatabase

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]

SETTINGS = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # Explaining takes minutes here.
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

NAMES = st.sampled_from(["a1", "a2", "a3"])
LOST = st.booleans()
ENDS = st.sampled_from(
    [
        (JobState.SUCCEEDED, EndReason.EXIT),
        (JobState.FAILED, EndReason.EXIT),
        (JobState.FAILED, EndReason.TIMEOUT),
    ]
)


@dataclass
class Process:
    """An agent's process. ``unsure``: a confirm was sent and no answer came; ``started``: it runs."""

    agent: Agent
    beats: int = 0
    offered: list[UUID] = field(default_factory=list)
    unsure: list[UUID] = field(default_factory=list)
    started: list[UUID] = field(default_factory=list)

    def drop(self, ids: Any) -> None:
        for some in (self.offered, self.unsure, self.started):
            some[:] = [each for each in some if each not in ids]


class QueueMachine(RuleBasedStateMachine):
    """The queue, its users, and three agents by name."""

    def __init__(self, database: QueueDatabase) -> None:
        super().__init__()
        self.queue = QueueBed(database, QueueConfig(queue_timeout_seconds=100))
        self.reaper = Reaper(self.queue.config, monotonic=lambda: 0.0)
        self.reaper._listening_since = -1e9  # noqa: SLF001  pauses of the server have tests of their own
        self.processes: dict[str, Process] = {}
        self.jobs: list[UUID] = []
        self.job_of: dict[UUID, UUID] = {}
        self.confirms: set[UUID] = set()
        self.starts: Counter[UUID] = Counter()
        self.ends: dict[UUID, tuple[Any, ...]] = {}
        self.heard: Counter[UUID] = Counter()
        self.cordoned: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.queue.database.clear()

    # -- users and the scheduler

    @rule(
        weight=st.integers(-3, 3),
        slots=st.integers(1, 2),
        timeout=st.sampled_from([None, 50]),
        wait=st.sampled_from([None, 20, 50]),
    )
    def submit(self, weight: int, slots: int, timeout: float | None, wait: float | None) -> None:
        times: Any = {"queue_timeout_seconds": timeout, "lost_wait_seconds": wait}
        self.jobs.append(self.queue.submit(priority_weight=weight, slots=slots, **times))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        self._cancel(data.draw(st.sampled_from(self.jobs)))

    @rule(name=NAMES)
    def cancel_what_is_in_hands(self, name: str) -> None:
        """Between offer and confirm, while the confirm's answer is out, or while it runs."""
        process = self.processes.get(name)
        for each in (process.offered + process.unsure + process.started)[:1] if process else []:
            self._cancel(self.job_of[each])

    def _cancel(self, id_: UUID) -> None:
        before = self.queue.state(id_)
        self.queue.cancel(id_)
        ends_at_once = before in (JobState.QUEUED, JobState.OFFERED)
        assert self.queue.state(id_) == (JobState.CANCELLED if ends_at_once else before)

    @rule()
    def hear(self) -> None:
        self.heard.update(row.id for row in self.queue.heard())

    # -- agents

    @rule(name=NAMES, host_lives=st.booleans())
    def restart(self, name: str, host_lives: bool) -> None:
        """A new process takes over: what runs on a host that lives goes on, what was not started is known."""
        before = self.processes.pop(name, None)
        held = before.started if before and host_lives else []
        unsure = before.unsure if before else []
        agent = self.queue.register(name, held=held, never_started=unsure)
        process = self.processes[name] = Process(agent, started=list(held))
        process.drop(agent.registered.directives.drop)

    @rule(name=NAMES, free=st.integers(0, 3))
    def poll(self, name: str, free: int) -> None:
        if process := self.processes.get(name):
            offered = self.queue.offer(process.agent, free=free, keys=[Placement(QUEUE).key])
            assert not offered or name not in self.cordoned
            assert sum(each.slots for each in offered) <= free
            process.offered += [each.assignment_id for each in offered]
            self.job_of |= {each.assignment_id: each.job_id for each in offered}

    @rule(name=NAMES, answer_is_lost=LOST)
    def confirm(self, name: str, answer_is_lost: bool) -> None:
        process = self.processes.get(name)
        if process is None or not (ids := process.offered + process.unsure):
            return
        process.offered, process.unsure = [], list(ids)
        self.confirms.update(ids)
        starts, withdrawn = self.queue.confirm(process.agent, *ids)
        assert sorted([*starts, *withdrawn]) == sorted(ids)
        if answer_is_lost:
            return
        process.unsure = []
        process.started += starts
        self.starts.update(self.job_of[each] for each in starts)

    @rule(name=NAMES, answer_is_lost=LOST, end=ENDS)
    def report(self, name: str, answer_is_lost: bool, end: tuple[JobState, EndReason]) -> None:
        process = self.processes.get(name)
        if process and process.started:
            first, *rest = process.started
            if self.queue.state(self.job_of[first]).is_terminal:
                end = self.queue.state(self.job_of[first]), EndReason.EXIT
                end = end if end[0] is not JobState.CANCELLED else (end[0], EndReason.CANCELLED)
            self.queue.report(process.agent, first, state=end[0], reason=end[1])
            process.started = process.started if answer_is_lost else rest

    @rule(name=NAMES, sure=st.booleans(), repeat=st.booleans())
    def beat(self, name: str, sure: bool, repeat: bool) -> None:
        """Be heard and do as one is told. One that is unsure of a job may say that it holds it, or not."""
        if (process := self.processes.get(name)) is None:
            return
        process.beats += not repeat or not process.beats
        held = process.started + ([] if sure else process.unsure)
        try:
            directives = self.queue.beat(process.agent, process.beats, held).directives
        except SessionEnded:
            self.restart(name, host_lives=True)
            return
        process.drop(directives.drop)
        for each in directives.cancel:
            if each in process.started:
                self.queue.report(process.agent, each, state=JobState.CANCELLED, reason=EndReason.CANCELLED)
                process.started.remove(each)

    @rule(name=NAMES)
    def vanish(self, name: str) -> None:
        """The host is gone for good, with all it ran."""
        self.processes.pop(name, None)

    # -- time, and admins

    @rule(seconds=st.sampled_from([1, 6, 16, 31, 60]))
    def pass_time(self, seconds: int) -> None:
        self.queue.database.pass_time(seconds)

    @rule()
    def reap(self) -> None:
        with self.queue.database.transaction() as session:
            self.reaper.run_once(session)
        with self.queue.database.transaction() as session:
            now = session.scalars(select(clock.now())).one()
            agents = {agent.name: agent for agent in session.scalars(select(AgentRow))}
        for row in self.rows():
            if row.state == JobState.RUNNING and (agent := agents[row.agent_name or ""]).state == AgentState.LOST:
                silent_seconds = (now - agent.last_seen_at).total_seconds()
                assert row.lost_wait_seconds is not None, "only what declares it waits for a lost agent"
                assert silent_seconds < row.lost_wait_seconds + 1, "and not for longer than it declares"
                assert row.cancel_requested_at is None, "nor when nobody waits for it any more"

    @rule(name=NAMES, how=st.sampled_from([steering.cordon, steering.uncordon, steering.drain, steering.delete]))
    def steer(self, name: str, how: Any) -> None:
        options = {"by": "me"} if how in (steering.cordon, steering.drain) else {}
        try:
            with self.queue.database.transaction() as session:
                how(session, name, **options)
        except NotFound:
            return
        (self.cordoned.add if options else self.cordoned.discard)(name)

    # -- what holds at every moment

    def rows(self) -> list[JobRow]:
        with self.queue.database.transaction() as session:
            return list(session.scalars(select(JobRow)))

    @invariant()
    def promises_are_kept(self) -> None:
        assert set(self.starts.values()) <= {1}, "no job started twice"
        rows = self.rows()
        assert sorted(row.id for row in rows) == sorted(self.jobs)
        for row in rows:
            end = (row.state, row.reason, row.message, row.assignment_id)
            if JobState(row.state).is_terminal:
                assert self.ends.setdefault(row.id, end) == end, "an end is written once"
            else:
                assert row.id not in self.ends
            if row.state == JobState.RUNNING:
                assert row.assignment_id in self.confirms, "nothing runs without a confirm"

    def teardown(self) -> None:
        """Nothing is lost: with every agent silent, one new one brings all that is left to its end."""
        self.queue.database.pass_time(61)
        self.reap()
        last = self.queue.register("last", slots=1000)
        if ids := [each.assignment_id for each in self.queue.offer(last, limit=1000)]:
            self.confirms.update(ids)
            self.queue.report(last, *self.queue.confirm(last, *ids)[0])
        assert {JobState(row.state).is_terminal for row in self.rows()} <= {True}
        self.promises_are_kept()
        self.hear()
        assert self.heard == Counter(self.jobs), "its owner has heard of each end, once"


def test_no_job_starts_twice_and_none_is_left_without_an_end(postgres_tables):
    try:
        made: Any = lambda: QueueMachine(postgres_tables)  # noqa: E731  it is called as the class would be
        run_state_machine_as_test(made, settings=SETTINGS)
    finally:
        postgres_tables.clear()
