"""How Postgres runs the statements with 50,000 jobs: by index, never by reading the whole queue.

The database is as it is on a busy day: most jobs have ended, some thousands wait in twenty placements,
some thousands run on three hundred agents, and the planner knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, true
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import SessionEnded
from airflow_plugin.models import AgentRow, Base, JobRow, TokenRow
from airflow_plugin.queue import (
    agent_search,
    agents,
    assignments,
    events,
    jobs,
    logs,
    offers,
    ownership,
    renewals,
    samples,
    sessions,
    steering,
    tokens,
    uploads,
)
from airflow_plugin.queue.reaper import Reaper
from airflow_plugin.queue.reconciliation import suspects
from edge_agent.protocol import Beat, Ending, EndReason, JobKind, JobState, Registration, Versions
from tests.integration.queue.command_verbs import COMMAND_VERBS
from tests.integration.queue.page_reads import PAGE_READS
from tests.support.postgres import Postgres
from tests.support.queue_bed import ASKS_FROM
from tests.support.queue_database import QueueDatabase, Statement
from tests.support.queue_fill import Filled, fill

pytestmark = pytest.mark.postgres

QUEUED, OFFERED, RUNNING, ENDED = 40_075, 40_095, 40_092, 40_007
"""Numbers of jobs in these states."""
ONE_TRY = "dag7", f"run{ENDED // 500}", "task7", -1, 1


def offer(session: Session, filled: Filled, placements: int, strangers: int = 0) -> None:
    agent = offers.Claimant("a5", filled.session(5), slots=64, free_slots=16)
    keys = [filled.placement(number) for number in range(placements)]
    keys += [f"{number:032x}" for number in range(strangers)]
    assert len(offers.offer(session, agent, keys, limit=64, offer_seconds=15)) == 16


def hear(session: Session, filled: Filled, *held: int) -> None:
    agent = filled.agent_of(RUNNING)
    beat = Beat(number=2, free_slots=1, held=tuple(filled.assignment(number) for number in held))
    agents.hear(session, filled.ref(agent), beat, token_seconds=3600)


def register(session: Session, filled: Filled) -> None:
    agent = filled.agent_of(RUNNING)
    asked = Registration(
        instance=uuid4(),
        hostname="h",
        queues=("default",),
        kinds=(JobKind.TASK,),
        slots=1,
        capabilities={},
        versions=Versions(agent="1", python="3"),
        never_started=(filled.assignment(RUNNING),),
    )
    row = session.scalars(select(TokenRow).where(TokenRow.name == "t7")).one()
    agents.register(session, f"a{agent}", asked, token=row, **ASKS_FROM)


def leave(session: Session, filled: Filled) -> None:
    agent = sessions.authenticate(session, filled.ref(filled.agent_of(RUNNING)))
    agents.leave(session, agent)


def told_that_it_ended(session: Session, filled: Filled) -> None:
    with pytest.raises(SessionEnded):
        sessions.authenticate(session, replace(filled.ref(1), id=uuid4()))


def confirm(session: Session, filled: Filled) -> None:
    agent = filled.agent_of(OFFERED)
    ids = [filled.assignment(OFFERED), filled.assignment(RUNNING), uuid4()]
    assignments.confirm(session, agent=f"a{agent}", session_id=filled.session(agent), ids=ids, wanted=true())


def report(session: Session, filled: Filled) -> None:
    ends = [
        Ending(assignment_id=filled.assignment(n), state=JobState.SUCCEEDED, reason=EndReason.EXIT, log_bytes=0)
        for n in (RUNNING, RUNNING + 1, ENDED)
    ]
    assert len(assignments.report(session, agent=f"a{filled.agent_of(RUNNING)}", endings=ends)[0]) == 3


def renew(session: Session, filled: Filled) -> None:
    ids = [filled.assignment(RUNNING), uuid4()]
    assert len(renewals.renewable(session, agent=f"a{filled.agent_of(RUNNING)}", ids=ids)[1]) == 2


def cancel(session: Session, filled: Filled) -> None:
    assert jobs.cancel(session, [filled.job(n) for n in (QUEUED, OFFERED, RUNNING, ENDED)], "why") == 3


def append(session: Session, filled: Filled) -> None:
    agent, assignment = f"a{filled.agent_of(RUNNING)}", filled.assignment(RUNNING)
    logs.append(session, agent=agent, assignment_id=assignment, offset=400, data=b"x", limit=10**6)


def reap(session: Session, filled: Filled) -> None:
    reaper = Reaper(QueueConfig(heartbeat_seconds=1e6))
    reaper._listening_since -= 3e6  # noqa: SLF001  it has listened long enough
    reaped = reaper.run_once(session)
    assert (reaped.expired, reaped.gave_up) == (10, 10)


def take_from_the_lost(session: Session, filled: Filled) -> None:
    """Do what the reaper does once it has lost somebody; who that is, is read from the agents' own table."""
    theirs = JobRow.agent_name.in_(["a7", "a8"])
    assert assignments.expire(session, theirs & (JobRow.state == JobState.OFFERED))
    running = theirs & (JobRow.state == JobState.RUNNING)
    assert assignments.lose(session, running, EndReason.AGENT_LOST, "lost")


def purge(session: Session, filled: Filled) -> None:
    assert jobs.purge(session, 7)


def purge_logs(session: Session, filled: Filled) -> None:
    assert logs.purge(session, 30)


VERBS: dict[str, tuple[Callable[[Session, Filled], Any], set[str]]] = {
    "the watcher's question": (
        lambda session, _: session.execute(offers.news()).all(),
        {"ix_edge_agent_job_queued", "ix_edge_agent_nudged"},
    ),
    "what a placement is": (
        lambda session, filled: offers.placements(session, [filled.placement(3)]),
        {"ix_edge_agent_job_queued"},
    ),
    "the claim of one placement": (lambda session, filled: offer(session, filled, 1), {"ix_edge_agent_job_queued"}),
    "the claim of many placements": (lambda session, filled: offer(session, filled, 20), {"ix_edge_agent_job_queued"}),
    "the claim of very many placements": (
        lambda session, filled: offer(session, filled, 20, strangers=50),
        {"ix_edge_agent_job_queued"},
    ),
    "a beat of an idle agent": (hear, {"ix_edge_agent_job_held", "edge_agent_session_id_uq"}),
    "a beat of a busy agent": (lambda session, filled: hear(session, filled, RUNNING), {"ix_edge_agent_job_held"}),
    "a registration": (register, {"ix_edge_agent_job_held", "edge_agent_pkey"}),
    "a leave": (leave, {"ix_edge_agent_job_held"}),
    "a session that has ended": (told_that_it_ended, {"ix_edge_agent_previous"}),
    "a confirm": (confirm, {"ix_edge_agent_job_assignment"}),
    "a renewal": (renew, {"ix_edge_agent_job_assignment"}),
    "a report": (report, {"ix_edge_agent_job_assignment"}),
    "a cancel": (cancel, {"edge_agent_job_pkey"}),
    "a deletion": (lambda session, _: steering.delete(session, "a7"), {"ix_edge_agent_job_held"}),
    "what happened to an agent": (
        lambda session, _: events.listed(session, "a7", limit=50),
        {"ix_edge_agent_event_agent"},
    ),
    "how an agent was": (lambda session, _: samples.history(session, "a7", hours=3), {"edge_agent_sample_pkey"}),
    "a page of agents": (
        lambda session, _: agent_search.page(session, QueueConfig(), agent_search.AgentSearch(sort="-used")),
        {"ix_edge_agent_job_held"},
    ),
    "a minute's samples": (lambda session, _: samples.take(session, QueueConfig()), {"ix_edge_agent_job_held"}),
    "the purge of events": (lambda session, _: events.purge(session, 20), {"ix_edge_agent_event_at"}),
    "the purge of samples": (lambda session, _: samples.purge(session, 3), {"ix_edge_agent_sample_at"}),
    "what runs on who is to stop": (lambda session, _: steering.cancel_overdue(session), {"ix_edge_agent_job_held"}),
    "log bytes that come": (append, {"ix_edge_agent_job_assignment"}),
    "a log that is read": (
        lambda session, filled: list(logs.read(session, filled.job(RUNNING), 150)),
        {"edge_agent_log_pkey", "edge_agent_job_pkey"},
    ),
    "the reaper": (reap, {"ix_edge_agent_job_offer", "ix_edge_agent_job_deadline"}),
    "what a lost agent held": (take_from_the_lost, {"ix_edge_agent_job_held"}),
    "the purge of jobs": (purge, {"ix_edge_agent_job_ended", "idx_edge_agent_log_job_id"}),
    "the purge of logs": (purge_logs, {"ix_edge_agent_job_ended", "idx_edge_agent_log_job_id"}),
    "a log to upload": (
        lambda session, _: uploads.claim(session, lease_seconds=60),
        {"ix_edge_agent_job_upload", "ix_edge_agent_job_try"},
    ),
    "a log that was uploaded": (
        lambda session, filled: uploads.done(session, filled.job(ENDED), 100),
        {"edge_agent_log_pkey"},
    ),
    "what a scheduler has not heard of": (
        lambda session, _: jobs.hear(session, "1"),
        {"ix_edge_agent_job_notify"},
    ),
    "who owns anything": (lambda session, _: ownership.owners(session), {"ix_edge_agent_job_unsettled"}),
    "what nobody waits for": (
        lambda session, _: ownership.superseded(session, 100),
        {"ix_edge_agent_job_unsettled"},
    ),
    "the walk over what is not settled": (
        lambda session, filled: suspects(session, "1", filled.job(1), 100),
        {"ix_edge_agent_job_unsettled"},
    ),
    "the jobs of a workload": (
        lambda session, filled: ownership.supersede(session, filled.workload(QUEUED)),
        {"ix_edge_agent_job_workload"},
    ),
    "an agent token": (lambda session, _: tokens.revoke(session, "t7"), set()),
    **COMMAND_VERBS,
    "the jobs of a try": (lambda db, _: logs.jobs_of_try(db, key=ONE_TRY)[0], {"ix_edge_agent_job_try"}),
    **PAGE_READS,
}
"""What is done to the queue, and the indexes it is done by."""

LARGE = {"edge_agent_job", "edge_agent_log", "edge_agent_event", "edge_agent_sample"}
"""What must never be read whole. Agents and tokens are few, and some duties are about all of them."""


@pytest.fixture(scope="module")
def busy(postgres: Postgres, postgres_template: str) -> Iterator[tuple[QueueDatabase, Filled]]:
    """Give a database of Airflow's with 50,000 jobs."""
    with postgres.database(postgres_template) as url:
        database = QueueDatabase(url)
        yield database, fill(database.engine, 50_000)
        database.dispose()


def plans_of(database: QueueDatabase, verb: Callable[[Session], Any]) -> list[dict[str, Any]]:
    """Do something, undo it, and return how each statement of it is run."""
    with database.recorded() as statements, Session(database.engine) as session:
        verb(session)
        session.rollback()
    return [plan_of(database, statement) for statement in statements]


def plan_of(database: QueueDatabase, statement: Statement) -> dict[str, Any]:
    sql, parameters = statement
    with database.engine.connect() as connection:
        (found,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", parameters).scalar_one()
    plan: dict[str, Any] = found["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_reads_the_whole_queue_and_each_finds_what_it_needs_by_its_index(busy, verb):
    database, filled = busy
    act, expected = VERBS[verb]
    found = [node for plan in plans_of(database, lambda session: act(session, filled)) for node in nodes(plan)]
    read_whole = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"}
    assert read_whole & LARGE == set()
    assert expected <= {node.get("Index Name") for node in found}


def test_every_index_of_the_models_is_there_for_one_of_these():
    """One that nothing uses costs every write for nothing."""
    named = {index.name for table in Base.metadata.sorted_tables for index in table.indexes}
    used = {name for _, indexes in VERBS.values() for name in indexes}
    assert named <= used


def test_a_heartbeat_writes_no_index(busy):
    """Postgres then updates the row within its page, and there is nothing to clean up behind it."""
    database, filled = busy
    beat = {"last_seen_at", "free_slots", "beat", "nudged", "health"}
    (table,) = (each for each in Base.metadata.sorted_tables if each is AgentRow.__table__)
    assert beat & {column.name for index in table.indexes for column in index.columns} == set()
    before = counted(database)
    for number in range(20):
        with database.transaction() as session:
            said = Beat(number=number + 1, free_slots=number)
            agents.hear(session, filled.ref(1), said, token_seconds=3600)
    updates, in_page = (now - then for now, then in zip(counted(database), before, strict=True))
    assert updates == 20
    assert in_page >= 15, "all but those that find their page full"


def counted(database: QueueDatabase) -> tuple[int, int]:
    """Return how many rows of agents were updated so far, and how many of them within their page."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        connection.commit()
        row = connection.exec_driver_sql(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'edge_agent'"
        ).one()
        return row.n_tup_upd, row.n_tup_hot_upd
