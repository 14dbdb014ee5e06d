"""Finding a job by the beginning of an id, among attempt directories as they may lie there."""

from __future__ import annotations

import os
from uuid import UUID

import pytest

from edge_agent.attach import attach_words
from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotAttach
from edge_agent.protocol import RunnerName
from edge_agent.state_dir import StateDir
from tests.unit.protocol.examples import OFFER


@pytest.fixture
def state_dir(tmp_path):
    (it := StateDir(tmp_path)).prepare()
    return it


def hold(state_dir, assignment_id, **changes):
    offer = OFFER.model_copy(update={"assignment_id": UUID(assignment_id), **changes})
    return AttemptDir.create(state_dir.attempts, offer.assignment_id, offer.model_dump(mode="json"))


def test_an_id_that_fits_several_jobs_asks_for_more_of_it(state_dir):
    hold(state_dir, "aaaaaaaa-0000-0000-0000-000000000001", job_id=UUID(int=1), label="one")
    hold(state_dir, "aaaaaaaa-0000-0000-0000-000000000002", job_id=UUID(int=2), label="two")
    with pytest.raises(CannotAttach, match=r"'AAAA' is the beginning of several ids; give more of it:\n  one.*\n  two"):
        attach_words(state_dir, "AAAA", write=False)
    with pytest.raises(CannotAttach, match=r"one .* does not run in tmux"):
        attach_words(state_dir, "aaaaaaaa-0000-0000-0000-000000000001", write=False)


def test_what_is_no_attempt_is_passed_over(state_dir):
    (state_dir.attempts / ".gone-x").mkdir()
    (state_dir.attempts / "half").mkdir()
    (state_dir.attempts / "half" / "offer.json").write_text("{half")
    with pytest.raises(CannotAttach, match=r"There are:\n  none$"):
        attach_words(state_dir, "", write=False)


def test_a_job_whose_session_is_not_there_yet_is_told(state_dir):
    hold(state_dir, "aaaaaaaa-0000-0000-0000-000000000001", runner=RunnerName.TMUX)
    with pytest.raises(CannotAttach, match=r"has no session: it has not begun, or is just ending"):
        attach_words(state_dir, "aaaa", write=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
def test_another_user_is_told_whose_it_is(state_dir):
    os.seteuid(65534)
    try:
        with pytest.raises(CannotAttach, match="is for the user of the agent alone: run this as that user"):
            attach_words(state_dir, "aaaa", write=False)
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize(("uid", "user"), [(65534, "nobody"), (123456, "#123456")])
def test_root_is_kept_from_the_terminals_of_another_users_jobs(state_dir, uid, user):
    """Whoever listens at the socket, which may be a job, tells its callers what to run."""
    hold(state_dir, "aaaaaaaa-0000-0000-0000-000000000001", runner=RunnerName.TMUX)
    os.chown(state_dir.path, uid, -1)
    with pytest.raises(CannotAttach, match=rf"is {user}'s, .*: sudo -u '{user}' edge-agent attach"):
        attach_words(state_dir, "aaaa", write=False)
