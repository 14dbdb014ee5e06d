"""What an earlier agent left, at every step it may have died at."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import uuid4

import pytest

from edge_agent import last_words
from edge_agent.assignment import Stage
from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.means import Means
from edge_agent.recovery import recover
from tests.unit.protocol.examples import OFFER

UNUSED: Any = None
MEANS = Means(
    admit=UNUSED,
    runner_for=UNUSED,
    send_log=UNUSED,
    log_chunk_bytes=UNUSED,
    report=UNUSED,
    task_logs=UNUSED,
    dispose=UNUSED,
    ended=UNUSED,
    cancel_grace_seconds=0,
    spawn=UNUSED,
    changed=lambda: None,
)


@pytest.fixture
def attempts(tmp_path):
    (folder := tmp_path / "attempts").mkdir()
    return folder


def offered(attempts):
    assignment_id = uuid4()
    offer = OFFER.model_copy(update={"assignment_id": assignment_id}).model_dump(mode="json")
    return AttemptDir.create(attempts, assignment_id, offer)


def test_nothing_left_is_nothing_found(attempts):
    assert recover(attempts, MEANS) == recover(attempts, MEANS)
    assert recover(attempts, MEANS).started == ()


@pytest.mark.parametrize("with_payload", [False, True])
def test_an_offer_without_a_claim_never_started_and_never_will(attempts, with_payload):
    attempt = offered(attempts)
    if with_payload:
        attempt.write("payload.json", {"command": "x"})
    found = recover(attempts, MEANS)
    assert [each.id for each in found.never_started] == [attempt.assignment_id]
    assert found.never_started[0].never_started
    assert attempt.claim("started") == "never", "a process that comes late must not start"


def test_what_was_claimed_is_adopted_whether_it_lives_or_not(attempts):
    living, dead = offered(attempts), offered(attempts)
    living.claim("started")
    dead.claim("started")
    dead.write_identity(Identity(pid=2**22 + 1, start_ticks=1, boot_id="x"))
    found = recover(attempts, MEANS)
    assert {each.id for each in found.started} == {living.assignment_id, dead.assignment_id}
    assert all(each.stage is Stage.RUNNING for each in found.started)


def test_what_ended_comes_in_the_order_it_ended(attempts):
    made = [offered(attempts) for _ in range(5)]
    for attempt in made:
        attempt.claim("started")
    for moment, attempt in enumerate(made[1:]):
        attempt.write_result(Result(exit_code=0))
        os.utime(attempt.path / "result.json", (moment, moment))
    order = [each.id for each in recover(attempts, MEANS).started]
    assert order == [attempt.assignment_id for attempt in [*made[1:], made[0]]]


def test_half_made_and_half_removed_directories_are_removed(attempts):
    (attempts / str(uuid4())).mkdir()
    (attempts / ".gone-x").mkdir()
    (attempts / ".gone-x" / "offer.json").write_text("{}")
    (attempts / ".probe-x").write_text("x")
    found = recover(attempts, MEANS)
    assert (found.started, found.never_started, list(attempts.iterdir())) == ((), (), [])


@pytest.mark.parametrize("content", ["{half", "{}", "[]"])
def test_what_cannot_be_read_is_left_alone_and_told(attempts, caplog, content):
    (strange := attempts / str(uuid4())).mkdir()
    (strange / "offer.json").write_text(content)
    found = recover(attempts, MEANS)
    assert (found.started, found.never_started) == ((), ())
    assert strange.is_dir()
    assert [record.event for record in caplog.records] == ["attempt_unreadable"]


def test_a_directory_of_somebody_else_is_left_alone(attempts, caplog):
    (attempts / "lost+found").mkdir()
    assert recover(attempts, MEANS).started == ()
    assert (attempts / "lost+found").is_dir()
    assert [record.event for record in caplog.records] == ["attempt_unreadable"]


def test_last_words_stand_on_a_line_of_their_own_and_show_the_end_of_the_output(tmp_path):
    (output := tmp_path / "output.log").write_bytes(b"x" * 5000 + b"\xff the end\n")
    (log := tmp_path / "deep" / "task.log").parent.mkdir()
    log.write_bytes(b'{"event": "cut in the mid')
    last_words.add_to(log, "It was killed.", output=output)
    cut, said = log.read_bytes().splitlines()
    line = json.loads(said)
    assert cut == b'{"event": "cut in the mid'
    assert line["event"].startswith("It was killed.\nThe last of its output:\nxxx")
    assert line["event"].endswith(" the end")
    assert len(line["event"]) < 4200


def test_last_words_without_an_output_are_the_message(tmp_path):
    last_words.add_to(log := tmp_path / "a" / "b.log", "It was killed.", output=tmp_path / "nowhere")
    assert json.loads(log.read_bytes())["event"] == "It was killed."
