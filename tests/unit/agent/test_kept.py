"""What is kept of failed jobs: not for ever, not without bounds, and never a payload."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.kept import KeptAttempts

NOW = 1_000_000_000.0
HOUR = 3600


@pytest.fixture
def kept(tmp_path):
    return KeptAttempts(tmp_path / "kept", hours=2, megabytes=1, clock=lambda: NOW)


@pytest.fixture
def attempt(tmp_path):
    (tmp_path / "attempts").mkdir()
    attempt = AttemptDir.create(tmp_path / "attempts", uuid4(), {})
    attempt.write("payload.json", {"token": "secret"})
    attempt.output.write_text("said")
    return attempt


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "kept").iterdir())


def earlier(tmp_path, name, *, hours, size=1000):
    """Keep a directory of that size since so many hours."""
    path = tmp_path / "kept" / name
    path.mkdir(parents=True)
    (path / "output.log").write_bytes(b"x" * size)
    os.utime(path, (NOW - hours * HOUR,) * 2)


def test_a_failed_attempt_is_kept_without_its_payload(kept, attempt, tmp_path):
    os.utime(attempt.path, (NOW, NOW))
    KeptAttempts(tmp_path / "kept", hours=2, megabytes=1).dispose(attempt, failed=True)
    assert not attempt.path.exists()
    found = tmp_path / "kept" / attempt.path.name
    assert sorted(path.name for path in found.iterdir()) == ["offer.json", "output.log"]
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("hours", "failed"), [(2, False), (0, True)], ids=["it succeeded", "nothing is to be kept"])
def test_what_is_not_to_be_kept_is_removed(attempt, tmp_path, hours, failed):
    KeptAttempts(tmp_path / "kept", hours=hours, megabytes=1).dispose(attempt, failed=failed)
    assert not attempt.path.exists()
    assert not (tmp_path / "kept").exists()


def test_what_cannot_be_kept_is_removed_and_told(kept, attempt, tmp_path, caplog):
    (tmp_path / "kept").write_text("a file is in the way")
    kept.dispose(attempt, failed=True)
    assert not attempt.path.exists()
    assert "Could not keep" in caplog.text


def test_what_is_too_old_goes(kept, tmp_path):
    earlier(tmp_path, "old", hours=2.1)
    earlier(tmp_path, "new", hours=1.9)
    kept.purge()
    assert left(tmp_path) == ["new"]


def test_of_what_is_too_much_the_oldest_go(kept, tmp_path):
    for number in range(4):
        earlier(tmp_path, f"{number}-hours", hours=number / 4, size=400_000)
    kept.purge()
    assert left(tmp_path) == ["0-hours", "1-hours"]


def test_nothing_kept_is_nothing_to_purge(kept):
    kept.purge()


def test_kept_directories_go_when_keeping_is_turned_off(tmp_path):
    earlier(tmp_path, "x", hours=0)
    KeptAttempts(tmp_path / "kept", hours=0, megabytes=1, clock=lambda: NOW + 1).purge()
    assert left(tmp_path) == []
