"""A mark and an answer, as files: whole, private, and gone once they are of no use."""

from __future__ import annotations

import stat
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.fresh_token import FreshToken, Refusal


@pytest.fixture
def attempt(tmp_path):
    return AttemptDir.create(tmp_path, uuid4(), {})


@pytest.fixture
def fresh(attempt):
    return FreshToken(attempt)


def test_at_first_nothing_is_wanted_and_nothing_is_there(fresh):
    assert not fresh.is_wanted()
    assert fresh.take() is None


def test_a_token_is_wanted_until_it_is_there(fresh, attempt):
    fresh.want()
    fresh.want()
    assert FreshToken(attempt).is_wanted(), "another process sees it"
    fresh.put("the token")
    assert not fresh.is_wanted()


def test_a_token_is_private_and_gone_from_the_disk_once_it_was_taken(fresh, attempt):
    fresh.put("the token")
    assert stat.S_IMODE((attempt.path / "token.json").stat().st_mode) == 0o600
    assert fresh.take() == "the token"
    assert fresh.take() is None
    assert [path.name for path in attempt.path.iterdir()] == ["offer.json"]


def test_a_newer_token_replaces_one_that_nobody_took(fresh):
    fresh.put("first")
    fresh.put("second")
    assert fresh.take() == "second"


def test_a_refusal_is_an_answer_too(fresh):
    fresh.want()
    fresh.refuse("The job is being cancelled.")
    assert not fresh.is_wanted()
    assert fresh.take() == Refusal("The job is being cancelled.")


def test_a_token_that_cannot_be_written_leaves_the_mark(fresh, attempt):
    fresh.want()
    (attempt.path / "token.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        fresh.put("the token")
    assert fresh.is_wanted()


def test_all_of_it_can_be_forgotten_twice_and_without_the_attempt(fresh, attempt):
    fresh.want()
    fresh.put("the token")
    fresh.want()
    fresh.forget()
    fresh.forget()
    assert [path.name for path in attempt.path.iterdir()] == ["offer.json"]
    attempt.remove()
    fresh.forget()
