"""One clock: the database's, the same on both kinds of database, to the fraction of a second."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import Double, insert, literal, select, text, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, TokenRow
from airflow_plugin.queue import logs, steering, tokens
from airflow_plugin.queue.reaper import Reaper, lost
from edge_agent.protocol import JobState

NEARLY = timedelta(seconds=2)


def ask(database, expression):
    with database.transaction() as session:
        return session.scalar(select(expression))


def test_it_is_the_real_time_in_utc(database):
    found = ask(database, clock.now())
    assert found.utcoffset() == timedelta(0)
    assert abs(found - datetime.now(UTC)) < NEARLY


def test_the_epoch_is_the_same_time(database):
    assert abs(ask(database, clock.epoch()) - datetime.now(UTC).timestamp()) < 2


@pytest.mark.parametrize("seconds", [0, 0.25, -0.25, 1, 90.5, -3600, 86_400 * 400, -1e9, 1e-7])
def test_it_can_be_moved_by_any_number_of_seconds(database, seconds):
    found = ask(database, clock.in_seconds(seconds))
    assert abs(found - datetime.now(UTC) - timedelta(seconds=seconds)) < NEARLY


def test_it_can_be_moved_by_an_expression(queue):
    queue.register()
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(heartbeat_seconds=12.5, missed_heartbeats=4))
        moved = clock.in_seconds(-(AgentRow.heartbeat_seconds * AgentRow.missed_heartbeats))
        found = session.scalar(select(moved))
    assert abs(datetime.now(UTC) - found - timedelta(seconds=50)) < NEARLY


def test_it_stands_still_within_a_statement_and_moves_on_between_two_of_one_transaction(database):
    both = select(clock.now().label("a"), clock.now().label("b"))
    with database.transaction() as session:
        first, second = session.execute(both).one()
        assert first == second
        later = session.scalar(select(clock.in_seconds(0)))
        while later == first:
            later = session.scalar(select(clock.in_seconds(0)))
    assert later > first


@pytest.mark.parametrize(("before", "after"), [(-0.05, 0.05), (0.001, 0.9), (-0.9, -0.001), (0, 0.01)])
def test_times_compare_below_the_second(database, before, after):
    """SQLite compares them as texts, so that both must be written alike."""
    assert ask(database, clock.in_seconds(before) < clock.in_seconds(after))
    assert not ask(database, clock.in_seconds(after) < clock.in_seconds(before))


@pytest.mark.parametrize("microseconds", [0, 1_000, 999_000, 123_456, 100_000])
def test_a_time_python_wrote_compares_with_one_the_database_wrote(database, microseconds):
    now = ask(database, clock.now())
    noted = now.replace(microsecond=microseconds)
    with database.transaction() as session:
        session.execute(insert(TokenRow).values(**token(created_at=noted, expires_at=clock.in_seconds(-1))))
        later = TokenRow.created_at > TokenRow.expires_at
        assert session.scalar(select(later)) == (noted > now - timedelta(seconds=1))
        equal = TokenRow.created_at == literal(noted, TokenRow.created_at.type)
        assert session.scalar(select(equal))


def token(**values):
    return {"id": uuid4(), "name": "t"} | values


def test_a_time_is_stored_as_an_instant_whatever_the_zone_it_was_written_in(database):
    moment = datetime(2026, 3, 29, 2, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with database.transaction() as session:
        session.execute(insert(TokenRow).values(**token(created_at=moment)))
    with database.transaction() as session:
        found = session.scalar(select(TokenRow.created_at))
    assert found == moment
    assert found.utcoffset() == timedelta(0)


@pytest.mark.postgres
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/St_Johns"])
def test_the_zone_of_a_database_session_changes_nothing(postgres_tables, zone):
    with postgres_tables.transaction() as session:
        session.execute(text(f"SET LOCAL timezone = '{zone}'"))
        now, epoch = session.execute(select(clock.now(), clock.epoch())).one()
    assert abs(now - datetime.now(UTC)) < NEARLY
    assert abs(epoch - now.timestamp()) < 0.1


def test_no_statement_of_the_queue_carries_a_time_of_whoever_asks(queue):
    """The clocks of API servers and schedulers may be anything: times are made where they are stored."""
    near = range(int(time.time()) - 10 * 86_400, int(time.time()) + 10 * 86_400)
    with queue.database.recorded() as statements:
        live_through_everything(queue)
    sent = [value for _, parameters in statements for value in values_in(parameters)]
    assert len(statements) > 30
    assert [value for value in sent if isinstance(value, datetime | date)] == []
    assert [value for value in sent if isinstance(value, float) and int(value) in near] == []
    assert [value for value in sent if isinstance(value, str) and re.match(r"20\d\d-\d\d-\d\d", value)] == []


def live_through_everything(queue):
    """Have every deadline set and judged."""
    agent, reaper = queue.register(), Reaper(queue.config)
    held = [queue.put(JobState.RUNNING, agent, queue_timeout_seconds=60, lost_wait_seconds=5) for _ in range(3)]
    ids = [each.assignment for each in held]
    queue.beat(agent, 1, ids)
    queue.report(agent, ids[0])
    queue.cancel(held[1].id)
    with queue.database.transaction() as session:
        logs.append(session, agent=agent.name, assignment_id=ids[2], offset=0, data=b"x", limit=9)
        tokens.create(session, "for-a-while", expires_in_days=1)
        steering.cordon(session, agent.name, by="me", expires_in_seconds=60)
        steering.drain(session, agent.name, by="me", deadline_seconds=60)
    queue.beat(agent, 2, ids[1:])
    with queue.database.transaction() as session:
        reaper.run_once(session)
        reaper.purge_once(session)
        lost(session, heartbeat_seconds=1, missed_heartbeats=1, listened_seconds=10)


def values_in(parameters):
    """Return what a driver was given, for one row or several."""
    if isinstance(parameters, dict):
        parameters = list(parameters.values())
    if not isinstance(parameters, list | tuple):
        return [parameters]
    return [value for each in parameters for value in values_in(each)]


@pytest.mark.postgres
def test_on_postgres_it_is_the_statements_time_and_not_the_transactions(postgres_tables):
    """A transaction that waited for a lock must judge by now, not by when it began."""
    with postgres_tables.transaction() as session:
        began = session.scalar(text("SELECT transaction_timestamp()"))
        assert session.scalar(select(clock.now())) > began


def test_seconds_may_be_an_integer_column_of_the_statement(database):
    moved = clock.in_seconds(literal(90, Double) * 2)
    assert abs(ask(database, moved) - datetime.now(UTC) - timedelta(minutes=3)) < NEARLY
