"""What a log takes of the disk, and what of it is still to be delivered."""

from __future__ import annotations

import pytest

from edge_agent.spooled_log import SpooledLog


@pytest.fixture
def log(tmp_path):
    return SpooledLog(tmp_path / "output.log", tmp_path, note="[{}]\n".format)


def test_of_a_log_that_the_server_does_not_take_nothing_is_left_to_deliver(log):
    log.path.write_bytes(b"0123456789" * 1000)
    assert log.left_bytes() == 10_000
    log.is_wanted = False
    assert log.left_bytes() == 0


def test_a_log_that_is_not_there_takes_no_room(log):
    assert log.disk_bytes() == 0
    assert log.left_bytes() == 0
    assert log.drop(100) == 0
    log.free(log.spare())
