"""A host starts what the server that it knows has queued, as it was queued, and nothing else."""

from __future__ import annotations

import inspect
import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.queue.signing_keys import CERTIFIED_SECONDS, SigningKeys
from edge_agent.errors import CannotStart, ForeignServer, StateDirError
from edge_agent.protocol import Certificate, Confirmed, JobKind, Offer, RunnerName, ServerKey
from edge_agent.protocol.signatures import signed_job, signed_key
from edge_agent.server_keys import ServerKeys
from tests.unit.protocol.examples import OFFER

OLD, NEW, NEWER, STRANGER = (bytes([number]) * 32 for number in range(1, 5))
SOON = int(time.time()) + CERTIFIED_SECONDS
COMMAND = json.dumps({"command": ["true"]})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "server_keys.json"


def known(file, *keys, said=None):
    """Return the keys of a host that has met a server with these."""
    host = ServerKeys(file, said)
    host.meet(SigningKeys(keys).published)
    return host


def queued(key=OLD, *, offer=OFFER, team="blue", payload=COMMAND, token=None):
    """Return a job as the server hands it out."""
    about = offer.model_dump(exclude={"assignment_id"})
    signature = SigningKeys([key] if key else []).sign(signed_job(**about, team=team, payload=payload))
    confirmed = {"kind": offer.kind, "team": team, "payload": payload, "signature": signature, "token": token}
    return offer, Confirmed(assignment_id=offer.assignment_id, **confirmed)


def public(key):
    return SigningKeys([key]).published[0].key


# -- what is signed


def test_all_that_a_host_is_told_of_a_job_is_signed():
    """But the id of the assignment, which no one has queued, and the token, which is minted later."""
    told = set(Offer.model_fields) | set(Confirmed.model_fields)
    assert told - {"assignment_id", "signature", "token"} == set(inspect.signature(signed_job).parameters)


def test_the_signed_text_stays_the_same_between_releases():
    """What was queued before an upgrade must start after it."""
    job = UUID(int=2)
    about: dict[str, Any] = {"kind": JobKind.TASK, "queue": "q", "team": None, "runner": RunnerName.LOCAL, "slots": 1}
    assert (
        signed_job(job, **about, label="é", payload="{}")
        == b'["airflow-edge-agent job 1","00000000-0000-0000-0000-000000000002","task","q",null,"local",1,'
        b'"\\u00e9","{}"]'
    )
    assert signed_key("k", 5) == b'["airflow-edge-agent server key 1","k",5]'


TEXT = st.text(max_size=20)
JOBS = st.fixed_dictionaries(
    {
        "job_id": st.uuids(),
        "kind": st.sampled_from(JobKind),
        "queue": TEXT,
        "team": st.none() | TEXT,
        "runner": st.sampled_from(RunnerName),
        "slots": st.integers(1, 9),
        "label": TEXT,
        "payload": TEXT,
    }
)


@given(one=JOBS, other=JOBS)
def test_two_jobs_that_differ_in_anything_differ_in_what_is_signed(one, other):
    assert (signed_job(**one) == signed_job(**other)) == (one == other)


@given(honest=JOBS, other=JOBS, field=st.sampled_from(sorted(inspect.signature(signed_job).parameters)))
def test_a_signature_holds_for_no_other_job(tmp_path_factory, honest, other, field):
    changed = honest | {field: other[field]}
    keys = known(tmp_path_factory.getbasetemp() / "never", OLD)
    signature = SigningKeys([OLD]).sign(signed_job(**honest))
    assert keys.has_signed(signed_job(**changed), signature) == (changed == honest)


# -- what is started


def test_what_was_queued_is_opened_and_its_token_put_beside_it(file):
    payload = {"workload": {"ti": {"id": "x"}}, "log_path": None}
    opened = known(file, OLD).opened(*queued(payload=json.dumps(payload), token="planted"))
    assert opened == payload | {"workload": {"ti": {"id": "x"}, "token": "planted"}}


@pytest.mark.parametrize(
    "changed",
    [
        {"job_id": UUID(int=9)},
        {"kind": JobKind.COMMAND},
        {"queue": "payroll"},
        {"slots": 2},
        {"runner": RunnerName.DEFAULT},
        {"label": "something harmless"},
    ],
    ids=str,
)
def test_a_job_that_is_offered_otherwise_than_it_was_queued_is_refused(file, changed):
    offer, confirmed = queued()
    with pytest.raises(CannotStart, match="was changed after it was queued"):
        known(file, OLD).opened(offer.model_copy(update=changed), confirmed)


@pytest.mark.parametrize("changed", [{"team": None}, {"payload": '{"command": ["id"]}'}, {"payload": "{}"}], ids=str)
def test_a_job_that_is_confirmed_otherwise_than_it_was_queued_is_refused(file, changed):
    offer, confirmed = queued()
    with pytest.raises(CannotStart, match="was changed after it was queued"):
        known(file, OLD).opened(offer, confirmed.model_copy(update=changed))


@pytest.mark.parametrize(
    "signature", ["", ":", "x", "no such key:AAAA", "{id}:", "{id}:AAAA", "{id}:é", "{id}:" + "A" * 500]
)
def test_what_is_no_signature_is_refused_and_breaks_nothing(file, signature):
    keys = known(file, OLD)
    offer, confirmed = queued()
    changed = confirmed.model_copy(update={"signature": signature.format(id=keys.ids[0])})
    with pytest.raises(CannotStart, match="was changed"):
        keys.opened(offer, changed)


def test_a_job_of_another_key_is_refused_by_the_names_of_both(file):
    keys = known(file, OLD)
    with pytest.raises(CannotStart) as refused:
        keys.opened(*queued(STRANGER))
    assert known(file.with_name("other"), STRANGER).ids[0] in str(refused.value)
    assert keys.ids[0] in str(refused.value)


def test_an_unsigned_job_is_refused_where_a_key_is_known_and_only_there(file):
    with pytest.raises(CannotStart, match=r"is not signed.*\[core\] fernet_key"):
        known(file, OLD).opened(*queued(None))
    assert known(file.with_name("none")).opened(*queued(None)) == {"command": ["true"]}


@pytest.mark.parametrize("payload", ["", "x", "[]", "null", "[" * 10**6], ids=lambda payload: payload[:4])
def test_what_no_payload_can_be_is_refused_and_breaks_nothing(file, payload):
    with pytest.raises(CannotStart, match="is not a JSON object"):
        known(file).opened(*queued(None, payload=payload))


# -- who is believed


def test_the_first_server_is_believed_and_no_other_after_it(file):
    known(file, OLD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(ForeignServer, match="edge-agent server-key --forget") as refused:
        known(file, STRANGER)
    assert "Nothing of it is obeyed; what runs goes on" in str(refused.value)
    assert ServerKeys(file).keys == (public(OLD),)


def test_a_server_that_shows_no_key_any_more_is_not_believed(file):
    known(file, OLD)
    with pytest.raises(ForeignServer, match="its key is none at all"):
        known(file)


def test_a_key_that_was_said_beforehand_is_the_only_one(file):
    with pytest.raises(ForeignServer):
        known(file, STRANGER, said=public(OLD))
    assert known(file, OLD, said=public(OLD)).keys == (public(OLD),)


def test_a_key_that_is_said_later_ends_what_was_believed_before(file):
    known(file, STRANGER)
    with pytest.raises(ForeignServer):
        known(file, STRANGER, said=public(OLD))


def test_a_new_key_is_taken_when_a_known_one_certifies_it_and_the_old_one_goes(file):
    said = public(OLD)
    known(file, OLD, said=said)
    assert known(file, NEW, OLD, said=said).keys == (public(NEW), public(OLD))
    assert known(file, NEW, said=said).keys == (public(NEW),)
    with pytest.raises(ForeignServer):
        known(file, OLD, said=said)


def test_a_host_that_was_away_for_two_rotations_is_led_from_key_to_key(file):
    known(file, OLD)
    first, second = SigningKeys([NEW, OLD]).published[0], SigningKeys([NEWER, NEW]).published[0]
    host = ServerKeys(file)
    host.meet([second, first])
    assert host.keys == (public(NEWER), public(NEW))


def test_a_key_with_a_certificate_of_somebody_else_is_left_out(file):
    known(file, OLD)
    mine, theirs = SigningKeys([OLD]).published[0], SigningKeys([STRANGER])
    by_itself = Certificate(until=SOON, signature=str(theirs.sign(signed_key(public(STRANGER), SOON))))
    borrowed = SigningKeys([NEW, OLD]).published[0].certificates[0]
    forged = ServerKey(key=public(STRANGER), certificates=(by_itself, borrowed))
    host = ServerKeys(file)
    host.meet([forged, mine])
    assert host.keys == (public(OLD),)
    with pytest.raises(ForeignServer):
        host.meet([forged])


def test_a_signature_under_a_job_is_no_certificate(file):
    known(file, OLD)
    certificate = Certificate(until=SOON, signature=str(queued(payload=public(STRANGER))[1].signature))
    with pytest.raises(ForeignServer):
        ServerKeys(file).meet([ServerKey(key=public(STRANGER), certificates=(certificate,))])


def test_a_key_that_was_removed_does_not_come_back_with_a_certificate_of_before(file):
    """Who has stolen it may have kept what every agent was shown while it was replaced."""
    known(file, NEW, OLD)
    kept = SigningKeys([NEW, OLD]).certified(int(time.time()))[1]
    assert known(file, NEW).keys == (public(NEW),)
    with pytest.raises(ForeignServer):
        ServerKeys(file).meet([kept])
    (certificate,) = kept.certificates
    longer = certificate.model_copy(update={"until": SOON})
    with pytest.raises(ForeignServer):
        ServerKeys(file).meet([kept.model_copy(update={"certificates": (longer,)})])


def test_a_server_shows_certificates_that_count_for_most_of_a_day():
    (certificate,) = SigningKeys([NEW, OLD]).published[0].certificates
    assert 0.9 * CERTIFIED_SECONDS < certificate.until - time.time() <= CERTIFIED_SECONDS


def test_answers_that_arrive_side_by_side_leave_in_the_file_what_is_known(file):
    known(file, OLD)
    host = ServerKeys(file)
    shown = [SigningKeys(keys).published for keys in ([NEW, OLD], [OLD])] * 20
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(host.meet, shown))
    assert ServerKeys(file).keys == host.keys


# -- the file


def test_what_is_not_a_file_of_ours_says_what_to_do(file):
    file.write_text('{"keys": ["short"]}')
    with pytest.raises(StateDirError, match=r"server_keys.json cannot be read .* --forget"):
        ServerKeys(file)


def test_a_disk_that_takes_no_file_keeps_nobody_from_working(tmp_path, caplog):
    host = known(tmp_path / "missing" / "server_keys.json", OLD)
    assert host.opened(*queued())
    assert "The next start pins the server's key anew" in caplog.text


def test_nothing_is_written_when_nothing_is_new(file):
    known(file, OLD)
    written = file.stat().st_ino
    known(file, OLD)
    assert file.stat().st_ino == written
    assert ServerKeys(file).keys == (public(OLD),)
