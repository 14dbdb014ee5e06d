"""What is handed to Airflow's metrics of what happens in the queue: after the commit, once, and nothing when off."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.observability import stats
from airflow.observability.metrics.statsd_logger import get_statsd_logger
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_plugin import meters, traces
from airflow_plugin.after_commit import after_commit
from airflow_plugin.api.measuring import Measuring
from airflow_plugin.api.polls import asking_for_figures
from airflow_plugin.api.watcher import Watcher
from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import census, duty, jobs, tally
from edge_agent.protocol import Directives, EndReason, JobState
from tests.support.statsd_socket import StatsdSocket
from tests.support.waiting import wait_until

pytestmark = pytest.mark.airflow

CONFIG = QueueConfig(metrics_seconds=1)
ENDED = "airflow.edge_agent.jobs.ended.default.task"


def read_again():
    """Read anew what a process reads once."""
    for each in (meters.are_on, meters.take_tags, traces.are_on, tally.end_columns):
        each.cache_clear()


@pytest.fixture
def statsd():
    """Give a socket that this process sends its metrics to."""
    with StatsdSocket() as socket, pytest.MonkeyPatch.context() as patch:
        for name, value in socket.environment.items():
            patch.setenv(name, value)
        read_again()
        logger: Any = get_statsd_logger()
        stats.initialize(factory=lambda: logger, export_legacy_names=False)
        yield socket
        stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
        logger.statsd.close()
    read_again()


def came(statsd, *names):
    """Wait for metrics of these names."""
    wait_until(lambda: set(names) - statsd.names(), until=lambda missing: not missing, what="the metrics come")


def test_each_step_of_a_job_is_counted_once(queue, statsd):
    agent = queue.register()
    queue.submit()
    (offer,) = queue.offer(agent)
    queue.confirm(agent, offer.assignment_id)
    queue.confirm(agent, offer.assignment_id)
    queue.report(agent, offer.assignment_id, exit_code=0)
    queue.report(agent, offer.assignment_id, exit_code=0)
    came(statsd, f"{ENDED}.succeeded.exit", "airflow.edge_agent.job.run.default.task.succeeded")
    assert statsd.values(f"{ENDED}.succeeded.exit") == ["1|c"]
    assert statsd.values("airflow.edge_agent.jobs.offered.default") == ["1|c"]
    for timing in ("wait", "confirm"):
        (took,) = statsd.values(f"airflow.edge_agent.job.{timing}.default.task")
        assert took.endswith("|ms")


@pytest.mark.parametrize(
    ("state", "reason", "end"),
    [
        (JobState.QUEUED, "cancelled.cancelled", lambda queue, job: queue.cancel(job.id)),
        (JobState.RUNNING, "failed.deleted", lambda queue, job: queue.delete(job.agent.name)),
    ],
)
def test_a_job_that_no_agent_ended_is_counted_too(queue, statsd, state, reason, end):
    end(queue, queue.put(state))
    came(statsd, f"{ENDED}.{reason}")


def test_what_is_rolled_back_is_not_counted(queue, statsd):
    job = queue.put(JobState.RUNNING)
    with Session(queue.database.engine) as session:
        jobs.cancel(session, [job.id], "not wanted")
        tally.offered(session, ["lost"])
        session.rollback()
    queue.report(job.agent, job.assignment, exit_code=0)
    came(statsd, f"{ENDED}.succeeded.exit")
    assert "airflow.edge_agent.jobs.offered.lost" not in statsd.names()


def test_a_savepoint_that_is_rolled_back_takes_with_it_what_was_noted_in_it(database):
    told: list[str] = []
    with database.transaction() as session:
        after_commit(session, lambda: told.append("before"))
        session.execute(select(1))
        inner = session.begin_nested()
        after_commit(session, lambda: told.append("inside"))
        inner.rollback()
        with session.begin_nested():
            after_commit(session, lambda: told.append("kept"))
        assert told == [], "what is around a savepoint may be rolled back yet"
    assert told == ["before", "kept"]


def test_who_cannot_be_told_harms_nobody(database, caplog):
    def fail():
        raise OSError("the collector is away")

    told: list[str] = []
    with database.transaction() as session:
        after_commit(session, fail)
        after_commit(session, lambda: told.append("the next"))
        session.execute(select(1))
    assert told == ["the next"]
    assert "Could not tell of a committed transaction" in caplog.text


def test_where_metrics_are_off_nothing_more_is_read_and_nothing_asked_of_agents(queue):
    read_again()
    job = queue.put(JobState.RUNNING)
    with queue.database.recorded() as statements:
        queue.report(job.agent, job.assignment, exit_code=0)
    (ending,) = [sql for sql, _ in statements if sql.startswith("UPDATE edge_agent_job")]
    assert "queued_at" not in ending
    assert tally.confirm_columns() == ()
    assert asking_for_figures(Directives(), CONFIG).figures_seconds is None


def test_agents_are_asked_for_their_own_metrics_where_somebody_wants_them(statsd):
    assert asking_for_figures(Directives(), CONFIG).figures_seconds == 1


def test_one_of_several_has_a_duty_and_keeps_it_until_it_has_not_been_there_for_a_while(queue):
    first, second = uuid4(), uuid4()

    def take(who):
        with queue.database.transaction() as session:
            return duty.take(session, "measure", who, seconds=10)

    assert [take(first), take(second), take(first), take(second)] == [True, False, True, False]
    queue.database.pass_time(11)
    assert [take(second), take(first)] == [True, False]


def test_everything_is_counted_also_what_is_none(queue):
    agent = queue.register("one", queues=("default", "idle"))
    queue.register("two")
    queue.submit()
    queue.submit(queue="unserved")
    queue.offer(agent, limit=1)
    queue.submit()
    queue.beat(agent, 1, figures={"slots": 4, "made_up": 1})
    with queue.database.transaction() as session:
        found = census.take(session, CONFIG)
    assert {key: number for key, number in found.jobs.items() if number} == {
        ("default", JobState.QUEUED): 1,
        ("default", JobState.OFFERED): 1,
        ("unserved", JobState.QUEUED): 1,
    }
    assert found.jobs["idle", JobState.QUEUED] == 0
    assert found.oldest_seconds["unserved"] >= 0
    assert found.agents == {"healthy": 2, "late": 0, "lost": 0, "offline": 0}
    assert found.figures == {"one": {"slots": 4, "made_up": 1}}


def test_figures_are_of_so_many_agents_and_go_with_the_session(queue):
    first, second = queue.register("one"), queue.register("two")
    for agent in (first, second):
        queue.beat(agent, 1, figures={"slots": 4})
    with queue.database.transaction() as session:
        assert set(census.take(session, QueueConfig(metrics_agents=1)).figures) == {"one"}
        assert session.scalar(select(AgentRow.figures).where(AgentRow.name == "one")) == {"slots": 4}
    queue.register("one")
    with queue.database.transaction() as session:
        assert set(census.take(session, CONFIG).figures) == {"two"}


def test_a_beat_without_figures_leaves_those_of_before(queue):
    agent = queue.register()
    queue.beat(agent, 1, figures={"slots": 4})
    queue.beat(agent, 2)
    with queue.database.transaction() as session:
        assert session.scalar(select(AgentRow.figures)) == {"slots": 4}


def test_a_figure_that_the_table_does_not_know_is_not_handed_on(queue, statsd):
    agent = queue.register("db.7")
    queue.beat(agent, 1, figures={"slots": 4, "made_up": 1, "jobs_held/running/local": 2, "jobs_held/made/up": 3})
    with queue.database.transaction() as session:
        counted = census.take(session, CONFIG)
    Measuring(CONFIG, Watcher(0.1)).say(counted)
    came(statsd, "airflow.edge_agent.agent.slots.db__7", "airflow.edge_agent.agents.healthy")
    said = {name for name in statsd.names() if ".agent." in name}
    assert said == {"airflow.edge_agent.agent.slots.db__7", "airflow.edge_agent.agent.jobs_held.db__7.running.local"}


def test_a_queue_that_has_gone_is_told_to_be_empty(queue, statsd):
    measuring = Measuring(CONFIG, Watcher(0.1))
    job = queue.submit(queue="unserved")
    for expected in ("1|g", "0|g"):
        with queue.database.transaction() as session:
            measuring.say(census.take(session, CONFIG))
        wait_until(
            lambda: statsd.values("airflow.edge_agent.jobs.unserved.queued")[-1:],
            until=[expected].__eq__,
            what=f"the queue is said to hold {expected}",
        )
        queue.cancel(job)


@pytest.mark.parametrize("queue_name", ["a queue", "x" * 65, "q,w=1"])
def test_what_cannot_be_a_queue_is_all_one_label(queue_name):
    assert meters.queue_label(queue_name) == "invalid"
    assert meters.queue_label("onprem.1") == "onprem.1"


def test_a_reason_is_counted_for_each_end(queue, statsd):
    for number in range(2):
        job = queue.put(JobState.RUNNING)
        queue.report(job.agent, job.assignment, state=JobState.FAILED, reason=EndReason.EXIT, exit_code=number + 1)
    wait_until(lambda: statsd.values(f"{ENDED}.failed.exit"), until=lambda said: len(said) == 2, what="both ends come")
