"""Whatever a server, or whoever stands in its place, shows a host: it is refused in order."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.queue.signing_keys import SigningKeys
from edge_agent.errors import CannotStart, StateDirError
from edge_agent.protocol import Confirmed
from edge_agent.protocol.signatures import signed_job
from edge_agent.server_keys import ServerKeys, read
from tests.support.json_values import JSON_VALUES
from tests.unit.protocol.examples import OFFER

SERVER = SigningKeys([b"1" * 32])


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Give what a host knows that has met the server."""
    keys = ServerKeys(tmp_path_factory.mktemp("host") / "server_keys.json")
    keys.meet(SERVER.published)
    return keys


@given(content=st.binary(max_size=20), made_up=st.text(max_size=150), encoded=st.binary(max_size=90))
def test_no_signature_that_is_made_up_counts(host, content, made_up, encoded):
    right_name = f"{host.ids[0]}:{base64.b64encode(encoded).decode()}"
    assert not any(host.has_signed(content, signature) for signature in (made_up, right_name, host.ids[0] + made_up))


@given(payload=st.text(max_size=50) | JSON_VALUES.map(json.dumps) | st.sampled_from(["[" * 100_000, "9" * 5000]))
def test_whatever_is_handed_out_is_an_object_or_refused(host, payload):
    about = OFFER.model_dump(exclude={"assignment_id"}) | {"team": None, "payload": payload}
    shown = {"kind": OFFER.kind, "payload": payload, "signature": SERVER.sign(signed_job(**about)), "token": "planted"}
    with suppress(CannotStart):
        assert isinstance(host.opened(OFFER, Confirmed(assignment_id=OFFER.assignment_id, **shown)), dict)


@given(content=st.binary(max_size=50) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_stands_in_the_file_is_keys_or_refused(tmp_path_factory, content):
    (file := tmp_path_factory.getbasetemp() / "pinned.json").write_bytes(content)
    with suppress(StateDirError):
        assert read(file) is not None
