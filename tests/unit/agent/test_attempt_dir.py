"""The attempt directory: whole files, one claim, an identity that is nobody else's."""

from __future__ import annotations

import os
import stat
import threading
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir, Identity, Result, boot_id
from edge_agent.progress import Progress


@pytest.fixture
def attempt(tmp_path):
    return AttemptDir.create(tmp_path, uuid4(), {"label": "x"})


def test_an_offer_is_written_for_its_owner_alone(attempt):
    assert attempt.read("offer.json") == {"label": "x"}
    assert stat.S_IMODE(attempt.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((attempt.path / "offer.json").stat().st_mode) == 0o600
    assert str(attempt.assignment_id) == attempt.path.name


def test_creating_it_again_is_no_error(attempt, tmp_path):
    again = AttemptDir.create(tmp_path, attempt.assignment_id, {"label": "y"})
    assert again.read("offer.json") == {"label": "y"}


def test_what_is_not_there_is_none(attempt):
    assert attempt.read("payload.json") is None
    assert attempt.identity() is None
    assert attempt.result() is None
    assert attempt.claimed() is None
    assert attempt.progress() == Progress()
    assert attempt.ran_seconds() is None


def test_a_write_that_fails_leaves_what_was_there_and_no_rubbish(attempt):
    before = sorted(path.name for path in attempt.path.iterdir())
    with pytest.raises(TypeError):
        attempt.write("offer.json", {"label": object()})
    assert attempt.read("offer.json") == {"label": "x"}
    left = [path.name for path in attempt.path.iterdir() if not path.name.startswith(".")]
    assert left == before


@pytest.mark.parametrize(("first", "second"), [("started", "never"), ("never", "started")])
def test_the_first_claim_stands(attempt, first, second):
    assert attempt.claim(first) == first
    assert attempt.claim(second) == first
    assert attempt.claimed() == first


def test_a_claim_to_have_started_says_which_process_it_is(attempt):
    attempt.claim("started")
    assert attempt.identity() == Identity.of(os.getpid())


def test_a_claim_never_has_no_process(attempt):
    attempt.claim("never")
    assert attempt.identity() is None
    assert attempt.ran_seconds() is None


def test_another_process_may_be_the_job(attempt):
    attempt.claim("started")
    other = Identity(pid=1, start_ticks=2, boot_id="x")
    attempt.write_identity(other)
    assert attempt.identity() == other


def test_of_many_claims_at_once_exactly_one_wins(tmp_path):
    """Whoever lost sees the winner's claim whole: never an empty one that could mean either."""
    for _ in range(50):
        attempt = AttemptDir.create(tmp_path, uuid4(), {})
        begin = threading.Barrier(4)
        answers: dict[int, str] = {}

        def decide(number, attempt=attempt, begin=begin, answers=answers):
            begin.wait()
            answers[number] = attempt.claim("started" if number % 2 else "never")

        threads = [threading.Thread(target=decide, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers.values()) == {attempt.claimed()}


def test_the_first_result_stands(attempt):
    attempt.write_result(Result(exit_code=0, state="success"))
    attempt.write_result(Result(exit_code=None, signal=9))
    assert attempt.result() == Result(exit_code=0, state="success")


def test_progress_survives(attempt):
    attempt.write_progress(Progress(log="log/a.log", end="cancel"))
    assert AttemptDir(attempt.path).progress() == Progress(log="log/a.log", end="cancel")


def test_how_long_it_ran_is_told_by_its_files(attempt):
    attempt.claim("started")
    os.utime(attempt.path / "claim", (1000, 1000))
    attempt.write_result(Result(exit_code=0))
    os.utime(attempt.path / "result.json", (1012.5, 1012.5))
    assert attempt.ran_seconds() == 12.5
    os.utime(attempt.path / "result.json", (900, 900))
    assert attempt.ran_seconds() == 0.0, "a clock that was set back is no negative time"


def test_a_payload_can_be_forgotten_twice(attempt):
    attempt.write("payload.json", {"token": "t"})
    attempt.forget_payload()
    attempt.forget_payload()
    assert attempt.read("payload.json") is None


def test_removing_takes_all_of_it_and_twice_is_no_error(attempt):
    (attempt.path / "log").mkdir()
    (attempt.path / "log" / "deep.log").write_text("x")
    parent = attempt.path.parent
    attempt.remove()
    attempt.remove()
    assert list(parent.iterdir()) == []


def test_an_identity_is_of_this_process_and_of_no_other_with_its_pid():
    mine = Identity.of(os.getpid())
    assert mine.is_alive()
    assert not Identity(mine.pid, mine.start_ticks + 1, mine.boot_id).is_alive()
    assert not Identity(mine.pid, mine.start_ticks, "another boot").is_alive()
    assert mine.boot_id == boot_id()


def test_a_process_that_is_not_there_has_no_identity():
    with pytest.raises(ProcessLookupError):
        Identity.of(2**22 + 1)


def test_progress_is_read_by_the_release_before_and_that_of_a_later_one_here(attempt):
    attempt.write_progress(Progress(log="log/a.log", time_seconds=9.0))
    assert attempt.read("progress.json") == {"log": "log/a.log", "time_seconds": 9.0}
    attempt.write("progress.json", {"log": "log/a.log", "not_known_yet": 1})
    assert attempt.progress() == Progress(log="log/a.log")
