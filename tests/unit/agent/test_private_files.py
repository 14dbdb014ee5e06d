"""A secret in a file: whose it may be, and who else may read it."""

from __future__ import annotations

import os
import stat

import pytest

from edge_agent.private_files import is_open

ROOT, AGENT, ANOTHER = 0, 50000, 1000


def file_of(owner: int, mode: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 1, 1, 1, owner, 50000, 1, 0, 0, 0))


@pytest.fixture
def be(monkeypatch):
    return lambda user: monkeypatch.setattr(os, "geteuid", lambda: user)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
@pytest.mark.parametrize("agent", [ROOT, AGENT])
def test_a_file_of_the_agents_user_is_his_alone(be, agent, mode):
    be(agent)
    assert not is_open(file_of(agent, mode))


@pytest.mark.parametrize("mode", [0o640, 0o440, 0o604, 0o660, 0o610])
@pytest.mark.parametrize("agent", [ROOT, AGENT])
def test_a_file_of_the_agents_user_that_anybody_else_can_use_is_open(be, agent, mode):
    be(agent)
    assert is_open(file_of(agent, mode))


@pytest.mark.parametrize("mode", [0o640, 0o440, 0o400])
def test_root_may_give_a_file_to_the_agents_group(be, mode):
    be(AGENT)
    assert not is_open(file_of(ROOT, mode))


@pytest.mark.parametrize("mode", [0o644, 0o444, 0o660, 0o450, 0o441])
def test_a_file_of_root_that_others_can_read_or_its_group_can_write_is_open(be, mode):
    be(AGENT)
    assert is_open(file_of(ROOT, mode))


def test_another_user_gives_the_agent_no_secrets_through_a_group(be):
    be(AGENT)
    assert is_open(file_of(ANOTHER, 0o640))
