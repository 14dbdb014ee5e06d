"""The zygote's own duties, tried with children that need no Airflow."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.task_host.messages import Message, NotStarted, Spawn, Started, decode, encode
from edge_agent.task_host.zygote import record
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]


class BareZygote:
    """A zygote, and the agent's end of its socket."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.channel, theirs = socket.socketpair()
        self.channel.settimeout(10)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.bare_zygote", str(theirs.fileno()), *options],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.file = self.channel.makefile("rb")

    def ask(self, what: str, number: int = 1) -> AttemptDir:
        attempt = AttemptDir.create(self.folder, uuid4(), {})
        self.channel.sendall(encode(Spawn(number, str(attempt.path), what, "one")))
        return attempt

    def answer(self) -> Message:
        return decode(self.file.readline())

    def close(self) -> None:
        self.file.close()
        self.channel.close()

    def ended(self) -> int:
        return self.process.wait(10)


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Callable[..., BareZygote]]:
    made: list[BareZygote] = []

    def make(*options: str) -> BareZygote:
        made.append(BareZygote(tmp_path, *options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        with suppress(subprocess.TimeoutExpired):
            one.ended()
        one.process.kill()
        one.process.wait()


def end_of(attempt: AttemptDir) -> Result:
    return wait_until(attempt.result, what="its end is recorded")  # type: ignore[return-value]  # never None


def test_a_child_answers_for_itself(zygote: Callable[..., BareZygote]):
    one = zygote()
    attempt = one.ask("claim,record", number=5)

    answer = one.answer()

    assert isinstance(answer, Started)
    assert (answer.number, answer.identity) == (5, attempt.identity())


def test_what_a_child_recorded_stands(zygote: Callable[..., BareZygote]):
    one = zygote()
    attempt = one.ask("claim,record,7")
    assert isinstance(one.answer(), Started)

    one.close()

    assert one.ended() == 0
    assert attempt.result() == Result(exit_code=0, state="success")


def test_a_child_that_was_killed_is_recorded_with_its_signal(zygote: Callable[..., BareZygote]):
    attempt = zygote().ask("claim,kill")

    assert end_of(attempt) == Result(exit_code=None, signal=9, message="Its supervisor was killed by signal 9.")


@pytest.mark.parametrize(("code", "recorded"), [(7, 7), (0, 1)])
def test_a_child_that_ends_without_a_record_has_not_ended_well(
    zygote: Callable[..., BareZygote], code: int, recorded: int
):
    attempt = zygote().ask(f"claim,{code}")

    message = f"Its supervisor ended with exit code {code} and left no record of how."
    assert end_of(attempt) == Result(exit_code=recorded, message=message)


def test_a_child_that_ends_before_it_claimed_did_not_start(zygote: Callable[..., BareZygote]):
    one = zygote()
    attempt = one.ask("kill", number=3)

    answer = one.answer()

    assert isinstance(answer, NotStarted)
    assert answer.number == 3
    assert attempt.result() is None


def test_a_host_without_room_for_a_process_says_so_and_serves_on(zygote: Callable[..., BareZygote]):
    one = zygote("no-fork")
    for number in (1, 2):
        one.ask("claim", number)

        assert one.answer() == NotStarted(
            number, "The host could not start a process: Resource temporarily unavailable."
        )


def test_it_ends_when_its_agent_is_gone_and_nothing_runs(zygote: Callable[..., BareZygote]):
    one = zygote()

    one.close()

    assert one.ended() == 0


def test_it_outlives_its_agent_as_long_as_something_runs(zygote: Callable[..., BareZygote]):
    one = zygote()
    attempt = one.ask("claim,wait")
    assert isinstance(one.answer(), Started)
    one.close()
    child = attempt.identity()
    assert child is not None

    with pytest.raises(subprocess.TimeoutExpired):
        one.process.wait(0.2)
    os.kill(child.pid, signal.SIGTERM)

    assert one.ended() == 0
    assert end_of(attempt).signal == signal.SIGTERM, "a child does not treat signals as the zygote does"


def test_the_stream_does_not_end_before_the_last_child_has_answered(zygote: Callable[..., BareZygote]):
    """That is what lets the agent conclude that nothing was started."""
    one = zygote()
    attempt = one.ask("wait")
    waiting = wait_until(
        lambda: [
            int(pid) for pid in Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text().split()
        ],
        what="it has forked",
    )
    child = Identity.of(waiting[0])
    # It has closed its end without an answer: only now may the stream end.
    one.process.kill()

    assert one.file.readline() == b""
    assert attempt.claimed() is None
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not child.is_alive(), what="its child is gone")


def test_a_message_in_pieces_is_one_message(zygote: Callable[..., BareZygote]):
    one = zygote()
    attempt = AttemptDir.create(one.folder, uuid4(), {})
    line = encode(Spawn(1, str(attempt.path), "claim,record", "one"))

    for byte in line[:-1]:
        one.channel.sendall(bytes([byte]))
    assert attempt.claimed() is None
    one.channel.sendall(line[-1:])

    assert isinstance(one.answer(), Started)


def test_a_full_disk_does_not_cost_a_record(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The record is tried again and again until there is room."""

    class FullAtFirst(AttemptDir):
        tries = 0

        def write_result(self, result: Result) -> None:
            self.tries += 1
            if self.tries < 3:
                raise OSError(28, "No space left on device")
            super().write_result(result)

    attempt = FullAtFirst(AttemptDir.create(tmp_path, uuid4(), {}).path)

    recorded = [record(attempt, Result(exit_code=None, signal=9)) for _ in range(3)]

    assert recorded == [False, False, True]
    assert attempt.result() == Result(exit_code=None, signal=9)
    assert "will try again" in caplog.text
