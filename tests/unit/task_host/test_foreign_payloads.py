"""What a server confirms: something this host can run comes out of it, or it is refused."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.runners.command import CommandPayload
from edge_agent.task_host.log_path import log_of
from edge_agent.task_host.workload import read
from tests.support.json_values import JSON_OBJECTS


@given(JSON_OBJECTS)
def test_a_payload_is_a_command_or_refused(payload):
    with suppress(CannotStart):
        assert CommandPayload.read(payload).command


@given(JSON_OBJECTS)
def test_a_payload_is_a_workload_or_refused(payload):
    with suppress(CannotStart):
        read(payload, server="http://127.0.0.1:1/execution/", attempt=AttemptDir(Path("/nowhere")))


@given(JSON_OBJECTS)
def test_its_log_is_within_the_attempt_or_it_is_refused(payload):
    with suppress(CannotStart):
        path = log_of(payload)
        assert not path.startswith("/")
        assert ".." not in path.split("/")


@pytest.mark.parametrize("path", [7, ["a"], {"a": 1}, "a\0b"])
def test_a_log_path_that_is_none_is_refused(path):
    with pytest.raises(CannotStart, match="is no path"):
        log_of({"log_path": path})
    with pytest.raises(CannotStart, match="is no path"):
        log_of({"workload": {"log_path": path}})


def test_a_workload_that_is_none_has_no_log_path():
    assert log_of({"workload": "nonsense"}) == "output.log"
