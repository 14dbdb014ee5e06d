"""How agents were from minute to minute: one row for each and minute, however many replicas write it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, SampleRow
from airflow_plugin.queue import agents, samples, sessions, steering
from airflow_plugin.queue.samples import Sample
from edge_agent.protocol import AgentState, HostHealth, JobState
from tests.support.queue_bed import QueueBed

SESSION, OTHER = uuid4(), uuid4()
NOW = datetime.now(UTC)
GIB = 2**30


def take(queue: QueueBed) -> float:
    with queue.database.transaction() as session:
        return samples.take(session, queue.config)


def history(queue: QueueBed, name: str = "a1", hours: float = 3) -> list[Sample]:
    with queue.database.transaction() as session:
        return samples.history(session, name, hours=hours).samples


def rows(queue: QueueBed) -> int:
    with queue.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(SampleRow)) or 0


def test_a_sample_says_how_an_agent_and_its_host_are(queue):
    agent = queue.register(slots=8)
    queue.put(JobState.RUNNING, agent, slots=3)
    queue.put(JobState.OFFERED, agent)
    health = HostHealth(
        load_1m=1.5, memory_total_bytes=8 * GIB, memory_available_bytes=6 * GIB, disk_free_bytes=9_000 * GIB
    )
    queue.beat(agent, 1, health=health)
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(slots_override=9))
    assert 0 < take(queue) <= 60
    (sample,) = history(queue)
    assert (sample.state, sample.slots, sample.used_slots, sample.running) == (AgentState.CONNECTED, 9, 4, 1)
    assert (sample.load_1m, sample.memory_used, sample.disk_free_bytes) == (1.5, 0.25, 9_000 * GIB)
    assert sample.at.second == 0


def test_a_host_that_says_nothing_of_itself_is_sampled_all_the_same(queue):
    queue.register()
    take(queue)
    (sample,) = history(queue)
    assert (sample.load_1m, sample.memory_used, sample.disk_free_bytes) == (None, None, None)
    assert (sample.heard, sample.expected) == (1, 1)


def same_minute(queue: QueueBed, work: Callable[[], Any]) -> None:
    """Do something within one minute of the database's: again, when the minute went by meanwhile."""
    for _ in range(2):
        with queue.database.transaction() as session:
            begin = session.scalar(select(clock.minute()))
        work()
        with queue.database.transaction() as session:
            if session.scalar(select(clock.minute())) == begin:
                return
        queue.database.clear()
    pytest.fail("it takes longer than a minute")


def test_a_minute_is_sampled_once(queue):
    def twice() -> None:
        queue.register()
        take(queue)
        queue.register("a2")
        take(queue)

    same_minute(queue, twice)
    assert rows(queue) == 2, "whoever came later in the minute is in it, too"


def test_replicas_that_sample_the_same_minute_at_once_leave_one_row_for_each_agent(queue):
    replicas = 4

    def at_once() -> None:
        for number in range(20):
            queue.register(f"a{number}")
        ready = Barrier(replicas)

        def replica(_: int) -> float:
            ready.wait()
            return take(queue)

        with ThreadPoolExecutor(replicas) as pool:
            assert len(list(pool.map(replica, range(replicas)))) == replicas

    same_minute(queue, at_once)
    assert rows(queue) == 20


def test_an_agent_that_has_left_is_sampled_and_nobody_expects_heartbeats(queue):
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, queue.register().ref))
    take(queue)
    (sample,) = history(queue)
    assert (sample.state, sample.heard, sample.expected) == (AgentState.OFFLINE, 0, 0)


# ------------------------------------------------------------------ what came of heartbeats


def minute(session_id: UUID | None = SESSION, beat: int = 600, silent: float = 4, **other: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "state": AgentState.CONNECTED,
        "session_seconds": 6000.0,
        "heartbeat_seconds": 10.0,
        "slots": 4,
        "used_slots": 0,
        "running": 0,
    }
    return usual | {"session_id": session_id, "beat": beat, "silent_seconds": silent} | other


LOST: dict[str, Any] = {"state": AgentState.LOST}
STORIES: dict[str, tuple[list[dict[str, Any] | None], list[tuple[int, int]]]] = {
    "heard all the time": ([minute(), minute(beat=606), minute(beat=612)], [(6, 6)] * 3),
    "one that fell over the edge": ([minute(), minute(beat=605), minute(beat=612)], [(6, 6)] * 3),
    "some did not come": ([minute(), minute(beat=603)], [(6, 6), (4, 6)]),
    "silent since": ([minute(), minute(beat=603, silent=28)], [(6, 6), (3, 6)]),
    "lost": ([minute(), minute(silent=64, **LOST), minute(silent=124, **LOST)], [(6, 6), (0, 6), (0, 6)]),
    "back, and restarted": ([minute(), minute(OTHER, beat=2, session_seconds=25)], [(6, 6), (2, 2)]),
    "just there": ([minute(beat=0, session_seconds=3)], [(1, 1)]),
    "restarted, and then some did not come": (
        [minute(), minute(OTHER, beat=1, silent=15, session_seconds=55)],
        [(6, 6), (1, 6)],
    ),
    "sampled at once by a server that was started again": (
        [minute(taken_at=NOW - timedelta(seconds=85)), minute(beat=603, taken_at=NOW - timedelta(seconds=58))],
        [(6, 6), (3, 3)],
    ),
    "nobody sampled for two minutes": ([minute(), None, None, minute(beat=620)], [(6, 6), (6, 6)]),
    "nobody sampled, and silent since": ([minute(), None, None, minute(beat=606, silent=34)], [(6, 6), (3, 6)]),
    "beats each five minutes": ([minute(heartbeat_seconds=300.0, silent=240)] * 2, [(1, 1)] * 2),
    "beats each five minutes, and is late": ([minute(heartbeat_seconds=300.0, silent=700)] * 2, [(0, 1)] * 2),
    "beats each second": (
        [minute(heartbeat_seconds=1.0, silent=0.5), minute(beat=640, heartbeat_seconds=1.0, silent=0.5)],
        [(60, 60), (41, 60)],
    ),
    "left, and came back": (
        [minute(None, state=AgentState.OFFLINE), minute(OTHER, beat=3, session_seconds=35)],
        [(0, 0), (4, 4)],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_heartbeats_are_counted_by_what_the_minute_before_says(queue, story):
    told, expected = STORIES[story]
    with queue.database.transaction() as session:
        now = session.scalars(select(clock.minute())).one()
        for age, values in enumerate(reversed(told)):
            if values is not None:
                at = now - timedelta(minutes=age)
                taken = {"taken_at": at + timedelta(seconds=2)} | values
                session.execute(insert(SampleRow).values(agent_name="a1", at=at, **taken))
    found = history(queue)
    assert [(sample.heard, sample.expected) for sample in found] == expected
    assert [sample.at for sample in found] == sorted(sample.at for sample in found)


def test_only_the_hours_that_were_asked_for_are_told_and_the_first_knows_the_one_before(queue):
    with queue.database.transaction() as session:
        now = session.scalars(select(clock.minute())).one()
        for age, beat in ((62, 0), (61, 3), (60, 6), (59, 9), (0, 12)):
            at = now - timedelta(minutes=age)
            session.execute(insert(SampleRow).values(agent_name="a1", at=at, taken_at=at, **minute(beat=beat)))
    found = history(queue, hours=1)
    assert [(sample.heard, sample.expected) for sample in found][:1] == [(4, 6)]
    assert len(found) == 2
    assert history(queue, "a2") == []


def test_a_deleted_agents_history_is_not_its_successors(queue):
    queue.register()
    queue.register("a2")
    take(queue)
    with queue.database.transaction() as session:
        steering.delete(session, "a1")
    assert history(queue) == []
    assert len(history(queue, "a2")) == 1


def test_only_old_samples_are_purged(queue):
    queue.register()
    take(queue)
    queue.database.pass_time(2 * 3600)
    take(queue)
    with queue.database.transaction() as session:
        assert samples.purge(session, 3) == 0
        assert samples.purge(session, 1) == 1
    assert len(history(queue)) == 1
