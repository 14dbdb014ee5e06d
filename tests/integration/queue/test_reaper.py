"""Lost means lost, and our outage is not their fault: whom the reaper judges, when, and what it takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import agents, sessions, steering
from airflow_plugin.queue.reaper import PAUSE_SECONDS, Reaped
from edge_agent.protocol import AgentState, EndReason, JobState
from tests.support.watched_reaper import SILENCE, Watched, beats

NOTHING = Reaped()


@pytest.fixture
def watched(queue):
    return Watched(queue)


def test_with_nothing_to_do_nothing_is_done(watched):
    assert watched.run() == NOTHING
    assert not NOTHING.anything


def test_an_agent_that_misses_three_heartbeats_is_lost_and_what_it_held_is_taken(queue, watched):
    agent = queue.register()
    running, offered = queue.put(JobState.RUNNING, agent), queue.put(JobState.OFFERED, agent)
    other = queue.register("a2")
    alive = beats(queue, other)
    assert watched.run_for(10, alive) == []
    back = watched.run_for(SILENCE - 16, alive)
    assert [each.expired for each in back] == [1], "the offer expired in its own time"
    queue.confirm(agent, offered.assignment)
    assert watched.run_for(8, alive) == [Reaped(lost_agents=["a1"], failed=1)]
    row = queue.job(running.id)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.AGENT_LOST)
    assert row.message == "The agent was not heard from for too long; Airflow may retry elsewhere."
    assert [each.id for each in queue.heard()] == [running.id]
    assert (queue.agent("a1").state, queue.agent("a2").state) == (AgentState.LOST, AgentState.CONNECTED)


def test_offers_of_a_lost_agent_go_back_before_they_expire(queue):
    watched = Watched(queue)
    job = queue.put(JobState.QUEUED)
    watched.run_for(SILENCE - 4)
    queue.offer(job.agent, seconds=600)
    assert watched.run_for(4) == [Reaped(lost_agents=["a1"], expired=1)]
    assert queue.state(job.id) == JobState.QUEUED


def test_an_agent_that_is_heard_from_keeps_what_it_holds(queue, watched):
    job = queue.put(JobState.RUNNING)
    numbers = iter(range(1, 100))

    def every_ten_seconds():
        if watched.times.monotonic % 10 == 0:
            queue.beat(job.agent, next(numbers), [job.assignment])

    assert watched.run_for(2 * SILENCE, every_ten_seconds) == []


def test_each_agent_has_its_own_patience(queue, watched):
    """A satellite link is not a data centre."""
    for name in ("near", "far", "default"):
        queue.register(name)
    own = {"near": (2.0, 2), "far": (30.0, 2), "default": (None, None)}
    with queue.database.transaction() as session:
        for name, (interval, missed) in own.items():
            values = {"heartbeat_seconds": interval, "missed_heartbeats": missed}
            session.execute(update(AgentRow).where(AgentRow.name == name).values(**values))
    lost_at: dict[str, int] = {}
    for second in range(4, 80, 4):
        for done in watched.run_for(4, every=4):
            lost_at |= dict.fromkeys(done.lost_agents, second)
    assert lost_at == {
        "near": pytest.approx(4, abs=4),
        "default": pytest.approx(30, abs=4),
        "far": pytest.approx(60, abs=4),
    }


def test_nobody_is_judged_before_this_process_has_listened_as_long(queue, watched):
    """The queue API was away for an hour: every agent was silent, and none could have been heard."""
    queue.put(JobState.RUNNING)
    watched.queue.database.pass_time(3600)
    assert watched.run_for(SILENCE - 2) == []
    assert [each.lost_agents for each in watched.run_for(4)] == [["a1"]]


def test_an_agent_that_comes_back_while_we_listen_again_is_not_lost(queue, watched):
    agent = queue.register()
    queue.database.pass_time(1800)
    watched.run_for(SILENCE - 4)
    queue.beat(agent, 1)
    assert watched.run_for(SILENCE - 4) == []


def stall_of_this_process(watched):
    watched.times.go_on(60)


def sleep_of_the_machine(watched):
    """A monotonic clock stands still meanwhile; the database's, elsewhere, does not."""
    watched.queue.database.pass_time(60)
    watched.reaper._last_epoch -= 60  # noqa: SLF001  as if the last run had read it an hour before


def failure_of_a_run(watched):
    watched.reaper.interrupted()


@pytest.mark.parametrize("pause", [stall_of_this_process, sleep_of_the_machine, failure_of_a_run])
def test_after_a_pause_listening_begins_anew(queue, watched, pause):
    queue.register()
    watched.run_for(SILENCE - 4)
    pause(watched)
    assert watched.run_for(SILENCE - 2) == []
    assert [each.lost_agents for each in watched.run_for(6)] == [["a1"]]


def test_a_database_that_answers_late_was_not_there_to_hear_agents_either(queue, watched):
    """The run began in time and its first question hung: whoever was silent meanwhile is not judged now."""
    queue.register()
    watched.run_for(SILENCE)
    readings = iter([watched.times.monotonic + 45])
    watched.reaper._monotonic = lambda: next(readings)  # noqa: SLF001  read once, after the answer
    queue.database.pass_time(45)
    assert watched.run().lost_agents == []


def test_the_usual_time_between_two_runs_is_no_pause(queue, watched):
    queue.register()
    assert PAUSE_SECONDS > 4
    assert [each.lost_agents for each in watched.run_for(36, every=4)] == [["a1"]]


def test_where_agents_may_be_silent_for_less_a_shorter_stall_is_a_pause(queue):
    watched = Watched(queue, QueueConfig(heartbeat_seconds=1))
    queue.register()
    watched.run_for(2)
    watched.times.go_on(4)
    assert watched.run().lost_agents == []
    assert [each.lost_agents for each in watched.run_for(6)] == [["a1"]]


def test_a_lost_agent_is_lost_once(queue, watched):
    queue.register()
    assert len(watched.run_for(2 * SILENCE, every=4)) == 1


@pytest.mark.parametrize("state", [AgentState.OFFLINE, AgentState.LOST])
def test_an_agent_that_is_not_connected_cannot_be_lost(queue, watched, state):
    queue.register()
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(state=state))
    assert watched.run_for(2 * SILENCE) == []


def test_work_that_an_agent_left_behind_is_lost_after_the_same_silence(queue, watched):
    job = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, job.agent.ref))
    assert [each.failed for each in watched.run_for(SILENCE + 4)] == [1]
    assert queue.job(job.id).reason == EndReason.AGENT_LOST


def test_an_offer_nobody_confirmed_goes_back_in_its_time(queue, watched):
    job = queue.put(JobState.OFFERED)
    assert watched.run_for(10) == []
    assert watched.run_for(6) == [Reaped(expired=1)]
    row = queue.job(job.id)
    assert (row.state, row.notify) == (JobState.QUEUED, False)


def test_a_job_nobody_took_in_time_fails_and_its_owner_hears(queue, watched):
    watched.run_for(SILENCE)
    late, patient = queue.submit(queue_timeout_seconds=10), queue.submit(queue_timeout_seconds=100)
    for_ever = queue.submit()
    assert watched.run_for(8) == []
    assert watched.run_for(4) == [Reaped(gave_up=1)]
    row = queue.job(late)
    assert (row.state, row.reason) == (JobState.FAILED, EndReason.QUEUE_TIMEOUT)
    assert [each.id for each in queue.heard()] == [late]
    assert {queue.state(patient), queue.state(for_ever)} == {JobState.QUEUED}


def test_a_job_whose_time_was_over_while_no_server_was_there_can_still_be_taken(queue):
    """Nobody could take it: before it is given up, agents have the time in which one of them would be lost."""
    agent = queue.register()
    taken, never = (queue.submit(queue_timeout_seconds=10) for _ in range(2))
    queue.database.pass_time(600)
    back = Watched(queue)
    assert back.run_for(SILENCE - 2, beats(queue, agent)) == []
    assert [offer.job_id for offer in queue.offer(agent, free=1)] == [taken]
    assert back.run_for(4, beats(queue, agent)) == [Reaped(gave_up=1)]
    assert (queue.state(taken), queue.state(never)) == (JobState.OFFERED, JobState.FAILED)


def test_what_is_offered_or_runs_is_not_given_up(queue, watched):
    watched.run_for(SILENCE)
    offered = queue.put(JobState.OFFERED, queue_timeout_seconds=5)
    running = queue.put(JobState.RUNNING, queue.register("a2"), queue_timeout_seconds=5)
    watched.run_for(10)
    assert (queue.state(offered.id), queue.state(running.id)) == (JobState.OFFERED, JobState.RUNNING)
    done = watched.run_for(10)
    assert sum(each.expired for each in done) == sum(each.gave_up for each in done) == 1
    assert queue.job(offered.id).reason == EndReason.QUEUE_TIMEOUT


def test_an_expired_cordon_is_lifted(queue, watched):
    queue.register()
    with queue.database.transaction() as session:
        steering.cordon(session, "a1", by="me", expires_in_seconds=5)
    assert watched.run_for(8) == [Reaped(uncordoned=["a1"])]


@pytest.mark.postgres
def test_two_reapers_at_once_do_what_one_would_do(postgres_queue):
    queue = postgres_queue
    agent = queue.register(slots=100)
    for number in range(60):
        queue.put((JobState.RUNNING, JobState.OFFERED)[number % 2], agent)
    late = [queue.submit(queue_timeout_seconds=1) for _ in range(20)]
    reapers = [Watched(queue) for _ in range(2)]
    for watched in reapers:
        watched.reaper._listening_since -= SILENCE  # noqa: SLF001  it has listened long enough
    queue.database.pass_time(SILENCE + 1)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda watched: watched.run(), reapers))
    assert sum(len(each.lost_agents) for each in done) == 1
    assert sum(each.failed for each in done) == sum(each.expired for each in done) == 30
    assert sum(each.gave_up for each in done) == len(late)


@pytest.mark.postgres
def test_a_reaper_does_not_wait_for_a_confirm_under_way(postgres_queue):
    """It passes over what somebody else is changing: the next run is soon."""
    queue = postgres_queue
    jobs = [queue.put(JobState.OFFERED), queue.put(JobState.OFFERED, queue.register("a2"))]
    queue.database.pass_time(16)
    with queue.database.transaction() as session:
        mine = session.get_one(JobRow, jobs[0].id, with_for_update=True)
        assert Watched(queue).run() == Reaped(expired=1)
        assert mine.state == JobState.OFFERED
    assert queue.state(jobs[1].id) == JobState.QUEUED
