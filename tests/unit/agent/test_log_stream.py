"""Any bytes, cut anywhere, with any faults and restarts between: once, and in order."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import UndecodableAnswer, problem_answer
from edge_agent.log_stream import LEAST_CHUNK_BYTES, MOST_PAUSE_SECONDS, LogStream
from edge_agent.protocol import LogAck, Problem, ProblemReason
from edge_agent.spooled_log import SpooledLog


class Server:
    """Takes bytes by offset as the queue API does. ``faults``: what happens to the next calls."""

    def __init__(self, faults=()):
        self.log = bytearray()
        self.faults = list(faults)
        self.sizes = []
        self.full_at = None
        self.pauses = []

    async def take(self, offset, content):
        self.sizes.append(len(content))
        fault = self.faults.pop(0) if self.faults else "fine"
        if fault == "forget":
            del self.log[len(self.log) // 2 :]
        if offset > len(self.log):
            gap = Problem(reason=ProblemReason.GAP, message="gap", expected_offset=len(self.log))
            raise problem_answer(gap, status=409)
        self.log += content[len(self.log) - offset :]
        if fault == "lost":  # it was taken, and the answer lost: the sender asks again by itself
            return await self.take(offset, content)
        full = self.full_at is not None and len(self.log) >= self.full_at
        return LogAck(next_offset=len(self.log), full=full, pause_seconds=self.pauses.pop(0) if self.pauses else 0)


async def at_once(_seconds):
    await asyncio.sleep(0)


def log(path):
    return SpooledLog(path, path.parent, note="[{}]\n".format)


def stream(path, server, chunk_bytes=4):
    return LogStream(log(path), server.take, chunk_bytes=lambda: chunk_bytes, sleep=at_once)


def over():
    ended = asyncio.Event()
    ended.set()
    return ended


@given(
    pieces=st.lists(st.binary(max_size=40), max_size=12),
    chunk_bytes=st.integers(1, 17),
    faults=st.lists(st.sampled_from(["fine", "lost", "forget"]), max_size=12),
    restarts=st.sets(st.integers(0, 11)),
    pauses=st.lists(st.sampled_from([0, 0, 5]), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_cut_anywhere_with_repeats_and_restarts_arrive_once_and_in_order(
    pieces, chunk_bytes, faults, restarts, pauses
):
    async def deliver():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            following = stream(path, server, chunk_bytes)
            for number, piece in enumerate(pieces):
                with path.open("ab") as file:
                    file.write(piece)
                if number in restarts:
                    following = stream(path, server, chunk_bytes)
                await following.flush()
            await following.follow(over())

    server = Server(faults)
    server.pauses = pauses
    asyncio.run(deliver())
    assert bytes(server.log) == b"".join(pieces)
    assert max(server.sizes, default=0) <= chunk_bytes


async def test_what_is_written_while_it_follows_arrives_up_to_the_last_byte(tmp_path):
    path, server, ended = tmp_path / "log", Server(), asyncio.Event()

    async def write():
        with path.open("ab", buffering=0) as file:
            for number in range(200):
                file.write(b"%d " % number)
                await asyncio.sleep(0)
            file.write(b"end")
        ended.set()

    await asyncio.gather(stream(path, server).follow(ended), write())
    assert bytes(server.log) == b"".join(b"%d " % number for number in range(200)) + b"end"


async def test_a_file_that_never_comes_is_an_empty_log(tmp_path):
    server = Server()
    await stream(tmp_path / "nowhere", server).follow(over())
    assert server.sizes == []


async def test_a_full_log_ends_the_stream(tmp_path):
    (path := tmp_path / "log").write_bytes(b"x" * 100)
    server = Server()
    server.full_at = 10
    following = stream(path, server)
    await following.follow(asyncio.Event())
    assert (following.log.delivered, len(server.sizes)) == (12, 3)


async def test_it_pauses_where_it_is_told_to_and_not_when_nothing_is_left(tmp_path, caplog):
    caplog.set_level("INFO")
    (path := tmp_path / "log").write_bytes(b"abcdefghijkl")
    server, slept = Server(), []
    server.pauses = [12.5, MOST_PAUSE_SECONDS + 1, 30]

    async def sleep(seconds):
        slept.append(seconds)

    await LogStream(log(path), server.take, chunk_bytes=lambda: 4, sleep=sleep).follow(over())
    assert bytes(server.log) == b"abcdefghijkl"
    assert slept == [12.5, MOST_PAUSE_SECONDS]
    assert [record.event for record in caplog.records] == ["log_paused", "log_paused"]


async def test_after_a_restart_the_first_answer_tells_where_to_go_on(tmp_path):
    (path := tmp_path / "log").write_bytes(b"abcdefghijkl")
    server = Server()
    server.log += b"abcdefgh"
    await stream(path, server).follow(over())
    assert bytes(server.log) == b"abcdefghijkl"
    assert server.sizes == [4, 4]


@pytest.mark.parametrize(
    "too_large",
    [
        UndecodableAnswer("x", status=413),
        problem_answer(Problem(reason=ProblemReason.TOO_LARGE, message="x"), status=413),
    ],
    ids=["proxy", "server"],
)
async def test_a_chunk_that_is_too_large_is_halved(tmp_path, too_large):
    (path := tmp_path / "log").write_bytes(b"x" * 10_000)
    server = Server()

    async def send(offset, content):
        if len(content) > 3000:
            raise too_large
        return await server.take(offset, content)

    await LogStream(log(path), send, chunk_bytes=lambda: 8192, sleep=at_once).follow(over())
    assert len(server.log) == 10_000
    assert max(server.sizes) == 2048


async def test_a_limit_below_reason_ends_the_stream_and_not_the_job(tmp_path):
    (path := tmp_path / "log").write_bytes(b"x" * 10_000)
    sent = []

    async def send(_offset, content):
        sent.append(len(content))
        raise UndecodableAnswer("x", status=413)

    await LogStream(log(path), send, chunk_bytes=lambda: 4096, sleep=at_once).follow(asyncio.Event())
    assert sent == [4096, 2048, LEAST_CHUNK_BYTES]


async def test_a_log_that_is_refused_ends_the_stream(tmp_path, caplog):
    (path := tmp_path / "log").write_bytes(b"x")

    async def send(_offset, _content):
        raise problem_answer(Problem(reason=ProblemReason.NOT_FOUND, message="Not yours."), status=404)

    await LogStream(log(path), send, chunk_bytes=lambda: 4, about={"job_id": "7"}, sleep=at_once).follow(
        asyncio.Event()
    )
    assert [(record.event, record.job_id) for record in caplog.records] == [("log_refused", "7")]


async def test_an_answer_that_moves_nothing_does_not_make_it_spin(tmp_path):
    (path := tmp_path / "log").write_bytes(b"abcd")
    answers, slept = [0, 0, 4], []

    async def send(_offset, _content):
        return LogAck(next_offset=answers.pop(0))

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    await LogStream(log(path), send, chunk_bytes=lambda: 4, sleep=sleep).flush()
    assert len(slept) == 2


async def test_a_log_that_cannot_be_read_ends_the_stream(tmp_path, caplog):
    (path := tmp_path / "log").mkdir()
    await stream(path, Server()).follow(asyncio.Event())
    assert [record.event for record in caplog.records] == ["log_unreadable"]
