"""The state directory: made for one, held by one, and tried before it is needed."""

from __future__ import annotations

import os
import stat

import pytest

from edge_agent.attempt_dir import Identity
from edge_agent.errors import StateDirError, StateDirHeld
from edge_agent.state_dir import Holder, StateDir


def test_it_is_made_for_its_owner_alone_and_left_clean(tmp_path):
    state_dir = StateDir(tmp_path / "deep" / "state")
    state_dir.prepare()
    state_dir.prepare()
    assert stat.S_IMODE(state_dir.path.stat().st_mode) == 0o700
    assert list(state_dir.attempts.iterdir()) == []
    assert state_dir.free_bytes() > 0


def test_one_that_cannot_be_made_is_refused_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateDirError, match=r"cannot be used: .*EDGE_AGENT_STATE_DIR"):
        StateDir(tmp_path / "file" / "state").prepare()


def test_it_is_held_by_one_agent_at_a_time(tmp_path):
    (state_dir := StateDir(tmp_path)).prepare()
    assert state_dir.holder() is None
    with state_dir.lock("h1"):
        assert state_dir.holder() == Holder("h1", Identity.of(os.getpid()))
        told = f"The agent 'h1' \\(pid {os.getpid()}\\)"
        with pytest.raises(StateDirHeld, match=told), StateDir(tmp_path).lock("h2"):
            pytest.fail("two agents hold it")
    assert state_dir.holder() is None
    with state_dir.lock("h2"):
        assert state_dir.holder() == Holder("h2", Identity.of(os.getpid()))


def test_a_lock_file_that_is_not_written_yet_is_held_by_somebody(tmp_path):
    (state_dir := StateDir(tmp_path)).prepare()
    with state_dir.lock("h1"):
        (tmp_path / "agent.lock").write_text("")
        assert str(state_dir.holder()) == "agent 'unknown' (pid not told yet)"


def test_a_directory_that_is_not_there_has_no_holder_and_cannot_be_locked(tmp_path):
    state_dir = StateDir(tmp_path / "nowhere")
    assert state_dir.holder() is None
    with pytest.raises(StateDirError), state_dir.lock("h1"):
        pytest.fail("it is not there")


def test_a_file_system_without_hard_links_is_refused(tmp_path, monkeypatch):
    """A claim needs one: it must appear whole, or not at all."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(StateDirError, match="local disk"):
        StateDir(tmp_path).prepare()
    assert list((tmp_path / "attempts").iterdir()) == []
