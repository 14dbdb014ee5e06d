"""Payloads at rest: nobody reads them who has the database alone."""

from __future__ import annotations

import json

from sqlalchemy import text

from airflow_plugin.models import SCHEMA
from edge_agent.protocol import JobState
from tests.support.fernet import FERNET_KEY

SECRET = "planted-in-a-payload"
TABLE = f"{SCHEMA}.edge_agent_job" if SCHEMA else "edge_agent_job"


def stored(queue):
    with queue.database.transaction() as session:
        return session.execute(text(f"SELECT payload FROM {TABLE}")).scalar_one()  # noqa: S608  a constant


def confirmed(queue, job):
    (start,), _ = queue.confirm_whole(job.agent, job.assignment)
    return json.loads(start.payload)


def test_a_payload_is_stored_so_that_only_the_key_opens_it(queue):
    job = queue.put(JobState.OFFERED, payload={"env": {"PASSWORD": SECRET}})
    assert SECRET not in stored(queue)
    assert "PASSWORD" not in stored(queue)
    assert confirmed(queue, job) == {"env": {"PASSWORD": SECRET}}


def test_a_new_key_opens_what_the_old_one_closed_as_long_as_that_stands_behind_it(queue, use_key):
    job = queue.put(JobState.OFFERED, payload={"n": 1})
    use_key(f"{'x' * 43}=,{FERNET_KEY}")
    assert confirmed(queue, job) == {"n": 1}


def test_what_no_key_opens_any_more_holds_nothing_that_could_be_run(queue, use_key, caplog):
    job = queue.put(JobState.OFFERED, payload={"command": ["true"]})
    use_key(f"{'x' * 43}=")
    assert confirmed(queue, job) == {}
    assert "Keep the old key behind the new one" in caplog.text


def test_what_was_closed_with_a_key_is_not_taken_for_open_without_any(queue, use_key):
    job = queue.put(JobState.OFFERED, payload={"command": ["true"]})
    use_key("")
    assert confirmed(queue, job) == {}


def test_without_a_key_a_payload_is_stored_as_it_is_like_airflows_connections(queue, use_key):
    use_key("")
    job = queue.put(JobState.OFFERED, payload={"n": 1})
    assert json.loads(stored(queue)) == {"n": 1}
    assert confirmed(queue, job) == {"n": 1}
