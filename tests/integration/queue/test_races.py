"""Many at once on Postgres: each job exactly once, and a cordon that has returned holds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

import pytest
from sqlalchemy import func, select, text

from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import Forbidden, NotFound, SessionEnded, Unauthenticated
from airflow_plugin.models import JobRow
from airflow_plugin.queue import agents, offers, steering, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.placement import Placement
from airflow_plugin.queue.reaper import Reaper
from edge_agent.protocol import EndReason, JobState
from tests.support.queue_bed import ASKS_FROM, QUEUE, Agent, QueueBed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postgres
THREADS = 32


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do ``work(0)`` .. ``work(count - 1)`` at the same time; raise what any of them raised."""
    ready = threading.Barrier(count)

    def begin(number: int) -> Any:
        ready.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def queued(queue: QueueBed, count: int, placements: int) -> list[str]:
    """Queue jobs of several placements; return the placements' keys."""
    for number in range(count):
        queue.submit(requires={"n": number % placements})
    return [Placement(QUEUE, None, {"n": number}).key for number in range(placements)]


def test_thirty_two_agents_that_claim_at_once_get_each_job_exactly_once(postgres_queue):
    queue = postgres_queue
    claimants = [queue.register(f"a{number}", slots=1000) for number in range(THREADS)]
    keys = queued(queue, 400, placements=3)
    left = threading.Semaphore(400)
    got: Counter[object] = Counter()

    def claim(number: int) -> None:
        while left.acquire(blocking=False):
            left.release()
            offered = queue.offer(claimants[number], free=5, keys=keys)
            got.update(each.job_id for each in offered)
            for _ in offered:
                left.acquire(blocking=False)

    at_once(THREADS, claim)
    assert len(got) == 400
    assert set(got.values()) == {1}


def test_claims_of_one_agent_at_once_get_each_job_exactly_once(postgres_queue):
    """As after polls whose clients have gone: their handlers still claim."""
    queue = postgres_queue
    agent = queue.register(slots=1000)
    keys = queued(queue, 60, placements=2)
    offered = [each.job_id for some in at_once(8, lambda _: queue.offer(agent, keys=keys)) for each in some]
    offered += [each.job_id for each in queue.offer(agent, keys=keys)]
    assert sorted(offered) == sorted(set(offered))
    assert len(offered) == 60


def test_confirms_and_reports_of_one_assignment_at_once_do_what_one_would_do(postgres_queue):
    queue = postgres_queue
    job = queue.put(JobState.OFFERED)
    assert at_once(8, lambda _: queue.confirm(job.agent, job.assignment)) == [([job.assignment], {})] * 8
    ends = [(JobState.SUCCEEDED, EndReason.EXIT), (JobState.FAILED, EndReason.SIGNAL)]
    answers = at_once(
        8, lambda n: (n % 2, queue.report(job.agent, job.assignment, state=ends[n % 2][0], reason=ends[n % 2][1]))
    )
    accepted = {which for which, (taken, _) in answers if taken}
    assert len(accepted) == 1
    assert queue.state(job.id) == ends[accepted.pop()][0]


class Claims:
    """Four threads that claim for one agent, again and again, until they are stopped."""

    def __init__(self, queue: QueueBed, agent: Agent, keys: list[str]) -> None:
        self.queue, self.agent, self.keys = queue, agent, keys
        self.count = 0
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(4)
        self._busy = [self._pool.submit(self._claim) for _ in range(4)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with self._pool:
            for each in self._busy:
                each.result()

    def _claim(self) -> None:
        while not self._stopped.is_set():
            self.queue.offer(self.agent, free=1, keys=self.keys)
            self.count += 1

    def go_on(self) -> None:
        """Wait until some more claims have been made."""
        before = self.count
        wait_until(lambda: self.count > before + 4, what="agents claim", interval=0.002)


@pytest.mark.parametrize("how", [steering.cordon, steering.drain])
def test_no_offer_is_committed_after_a_cordon_has_returned(postgres_queue, how):
    queue = postgres_queue
    keys = queued(queue, 300, placements=2)
    agent = queue.register(slots=1000)
    for _ in range(8):
        with Claims(queue, agent, keys) as claims:
            claims.go_on()
            with queue.database.transaction() as session:
                how(session, "a1", by="admin")
            then = offered(queue)
            claims.go_on()
        assert offered(queue) == then
        with queue.database.transaction() as session:
            steering.uncordon(session, "a1")


@pytest.mark.parametrize("how", [steering.cordon, steering.drain])
def test_a_cordon_waits_for_a_claim_under_way(postgres_queue, how):
    """It has not returned before the claim is committed: what an admin then sees offered is all there will be."""
    queue = postgres_queue
    agent, keys = queue.register(), queued(queue, 1, placements=1)
    claimant = offers.Claimant(agent.name, agent.session_id, agent.slots, agent.slots)

    def steer() -> None:
        with queue.database.transaction() as session:
            how(session, agent.name, by="admin")

    def waits() -> bool:
        with queue.database.transaction() as session:
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE :claim = ANY(pg_blocking_pids(pid))"
            return bool(session.scalar(text(blocked), {"claim": claim}))

    with ThreadPoolExecutor(1) as thread:
        with queue.database.transaction() as session:
            claim = session.scalar(select(func.pg_backend_pid()))
            assert len(offers.offer(session, claimant, keys, limit=1, offer_seconds=60)) == 1
            cordon = thread.submit(steer)
            wait_until(lambda: cordon.done() or waits(), what="the cordon waits for the claim, or has returned")
            assert not cordon.done()
        cordon.result()
    assert offered(queue) == 1


def offered(queue: QueueBed) -> int:
    with queue.database.transaction() as session:
        everybodys = select(func.count()).where(JobRow.state == JobState.OFFERED)
        return session.scalars(everybodys).one()


class Storm:
    """Agents, users, reapers and admins on one queue, all at once, for a number of rounds each."""

    def __init__(self, queue: QueueBed, rounds: int) -> None:
        self.queue = queue
        self.rounds = rounds
        self.jobs = [queue.submit(priority_weight=number) for number in range(120)]
        self.starts: Counter[object] = Counter()
        queue.token()

    def agent(self, number: int) -> None:
        """Register again and again; take work, beat, report some of it and forget some of it."""
        name = f"a{number % 3}"
        for turn in range(self.rounds):
            try:
                self._session(name, turn)
            except SessionEnded:
                continue

    def _session(self, name: str, turn: int) -> None:
        agent = self.queue.register(name, slots=6)
        for beat in range(1, 5):
            ids = [each.assignment_id for each in self.queue.offer(agent, keys=[Placement(QUEUE).key])]
            starts, _ = self.queue.confirm(agent, *ids) if ids else ([], {})
            self.starts.update(starts)
            self.queue.beat(agent, beat, starts[turn % 3 :])
            self.queue.report(agent, *starts[::2])

    def canceller(self, number: int) -> None:
        for turn in range(self.rounds * 3):
            first = (number * 31 + turn * 7) % len(self.jobs)
            self.queue.cancel(*reversed(self.jobs[first : first + 6]))

    def reaper(self, _: int) -> None:
        reaper = Reaper(self.queue.config)
        for _turn in range(self.rounds * 3):
            with self.queue.database.transaction() as session:
                reaper.run_once(session)
            self.queue.heard()

    def admin(self, number: int) -> None:
        for turn in range(self.rounds * 2):
            try:
                with self.queue.database.transaction() as session:
                    (steering.cordon if turn % 2 else steering.drain)(session, f"a{turn % 3}", by="me")
                with self.queue.database.transaction() as session:
                    (steering.delete if turn % 5 == 4 else steering.uncordon)(session, f"a{turn % 3}")
            except NotFound:
                continue


def test_whatever_happens_at_once_nothing_waits_for_itself_and_no_job_is_left_in_between(postgres_queue):
    """A deadlock would raise in one of the threads. Afterwards one agent can end all that is left."""
    impatient = QueueConfig(heartbeat_seconds=0.02, offer_seconds=0.05)
    queue = QueueBed(postgres_queue.database, impatient)
    storm = Storm(queue, rounds=6)
    roles = [storm.agent, storm.agent, storm.agent, storm.canceller, storm.canceller, storm.reaper, storm.admin]
    at_once(len(roles), lambda number: roles[number](number))
    assert set(storm.starts.values()) <= {1}, "no assignment was started twice"
    for name in ("a0", "a1", "a2"):
        queue.register(name)
    queue = postgres_queue
    last = queue.register("last", slots=200)
    ids = [each.assignment_id for each in queue.offer(last, limit=200)]
    if ids:
        assert len(queue.report(last, *queue.confirm(last, *ids)[0])[0]) == len(ids)
    assert {queue.state(id_).is_terminal for id_ in storm.jobs} == {True}
    queue.heard()
    assert queue.heard() == []


def test_no_session_is_opened_with_a_token_after_its_revocation_has_returned(postgres_queue):
    """A registration that was under way has either failed, or its session is one of those that ended."""
    queue = postgres_queue
    for turn in range(10):
        with queue.database.transaction() as session:
            value = tokens.create(session, f"t{turn}").get_secret_value()
        sessions = at_once(8, partial(_register_or_revoke, queue, value, turn))
        for name, opened in filter(None, sessions):
            agent = Agent(name, opened.session_id, opened.secret.value.get_secret_value(), opened, 1)
            with pytest.raises(SessionEnded):
                queue.beat(agent, 1)


def _register_or_revoke(queue, value, turn, number):
    name = f"a{turn}-{number}"
    with queue.database.transaction() as session:
        if number == 3:
            tokens.revoke(session, f"t{turn}")
            return None
        try:
            token = tokens.authenticate(session, value, name, [QUEUE])
        except Unauthenticated:
            return None
        opened = agents.register(session, name, queue.registration(), token=token, **ASKS_FROM)
        return name, opened


def test_of_agents_that_register_at_once_only_as_many_live_on_a_token_as_it_allows(postgres_queue):
    queue = postgres_queue
    bounds = {"few": Allowance(max_agents=3), "one": Allowance(one_time=True)}
    for name, allowance in bounds.items():
        with queue.database.transaction() as session:
            value = tokens.create(session, name, allowance).get_secret_value()

        def enter(number: int, value: str = value, name: str = name) -> bool:
            agent = f"{name}-{number}"
            try:
                with queue.database.transaction() as session:
                    token = tokens.authenticate(session, value, agent, [QUEUE])
                    agents.register(session, agent, queue.registration(), token=token, **ASKS_FROM)
            except Forbidden:
                return False
            return True

        assert sum(at_once(12, enter)) == (allowance.max_agents or 1)
