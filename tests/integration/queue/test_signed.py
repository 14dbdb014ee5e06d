"""Who can write the database makes no host start anything: what is changed there fits its signature no more."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest
from sqlalchemy import text, update

from airflow_plugin.models import JOBS, SCHEMA, JobRow
from airflow_plugin.queue.signing_keys import SigningKeys, signing_keys
from edge_agent.errors import CannotStart
from edge_agent.protocol import Confirmed, JobKind, JobState, RunnerName
from edge_agent.server_keys import ServerKeys
from tests.support.fernet import FERNET_KEY, new_fernet_key

TABLE = f"{SCHEMA}.edge_agent_job" if SCHEMA else "edge_agent_job"
MINE = {"queue": "mine", "payload": {"command": ["true"]}, "label": "mine"}


@pytest.fixture
def host(tmp_path):
    """Give the keys that a host has pinned."""
    keys = ServerKeys(tmp_path / "server_keys.json")
    keys.meet(SigningKeys([urlsafe_b64decode(FERNET_KEY)]).published)
    return keys


@pytest.fixture
def agent(queue):
    return queue.register(queues=["mine", "other"], slots=8)


def change(queue, job_id, /, **values):
    with queue.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))


def handed_out(queue, agent, job_id):
    """Return what a host is given of a job, as the API would."""
    (offer,) = [each for each in queue.offer(agent) if each.job_id == job_id]
    ((start,), _) = queue.confirm_whole(agent, offer.assignment_id)
    about = {"team": start.team_name, "payload": start.payload, "signature": start.signature}
    return offer, Confirmed(assignment_id=start.assignment_id, kind=start.kind, **about)


def test_what_was_queued_starts(queue, agent, host):
    job_id = queue.submit(**MINE, runner=RunnerName.TMUX, slots=2)
    assert host.opened(*handed_out(queue, agent, job_id)) == MINE["payload"]


def test_what_went_back_into_the_queue_starts(queue, agent, host):
    job_id = queue.submit(**MINE)
    queue.offer(agent)
    again = queue.register(queues=["mine"])
    assert host.opened(*handed_out(queue, again, job_id)) == MINE["payload"]


@pytest.mark.parametrize(
    "values",
    [
        {"payload": json.dumps({"command": ["id"]})},
        {"kind": JobKind.COMMAND},
        {"runner": RunnerName.TMUX},
        {"slots": 2},
        {"label": "something harmless"},
        {"signature": None},
    ],
    ids=str,
)
def test_a_row_that_was_changed_is_refused(queue, agent, host, values):
    job_id = queue.submit(**MINE)
    change(queue, job_id, **values)
    with pytest.raises(CannotStart):
        host.opened(*handed_out(queue, agent, job_id))


def test_a_job_that_was_moved_to_another_queue_is_refused(queue, agent, host):
    job_id, there = queue.submit(**MINE), queue.submit(queue="other")
    change(queue, job_id, queue="other", placement=queue.job(there).placement)
    with pytest.raises(CannotStart):
        host.opened(*handed_out(queue, agent, job_id))


def test_a_job_that_was_moved_to_another_team_is_refused(queue, host):
    job_id, there = queue.submit(**MINE), queue.submit(queue="mine", team="blue")
    change(queue, job_id, team_name="blue", placement=queue.job(there).placement)
    with pytest.raises(CannotStart):
        host.opened(*handed_out(queue, queue.register("b1", team="blue", queues=["mine"]), job_id))


@pytest.mark.parametrize("columns", [["payload"], ["payload", "signature"], ["payload", "signature", "label", "queue"]])
def test_a_job_with_the_sealed_payload_of_another_is_refused(queue, agent, host, columns):
    """The database writer cannot read it, and copies it as it is."""
    job_id, other = queue.submit(**MINE), queue.submit(queue="other", payload={"command": ["reboot"]})
    sealed = {name: text(f"(SELECT {name} FROM {TABLE} WHERE label = 'a job')") for name in columns}  # noqa: S608  constants
    with queue.database.transaction() as session:
        session.execute(update(JOBS).where(JOBS.c.id == job_id).values(sealed))
    assert queue.job(job_id).payload == queue.job(other).payload
    with pytest.raises(CannotStart):
        host.opened(*handed_out(queue, agent, job_id))


def test_what_was_queued_before_and_after_a_rotation_starts(queue, agent, host, use_key):
    before = queue.submit(**MINE)
    use_key(f"{new_fernet_key()},{FERNET_KEY}")
    host.meet(signing_keys().published)
    after = queue.submit(**MINE)
    offers = queue.offer(agent)
    starts, _ = queue.confirm_whole(agent, *(offer.assignment_id for offer in offers))
    by_id = {start.assignment_id: start for start in starts}
    assert {offer.job_id for offer in offers} == {before, after}
    for offer in offers:
        start = by_id[offer.assignment_id]
        about = {"team": start.team_name, "payload": start.payload, "signature": start.signature}
        assert host.opened(offer, Confirmed(assignment_id=start.assignment_id, kind=start.kind, **about))


def test_without_a_key_a_job_is_queued_unsigned(queue, agent, host, use_key):
    use_key("")
    job_id = queue.submit(**MINE)
    assert queue.job(job_id).signature is None
    assert queue.state(job_id) is JobState.QUEUED
    with pytest.raises(CannotStart, match="is not signed"):
        host.opened(*handed_out(queue, agent, job_id))
