"""The socket of the status: whose it is, whatever was there before, however long its path."""

from __future__ import annotations

import asyncio
import socket
import stat
from contextlib import contextmanager

import pytest

from edge_agent.errors import AgentError
from edge_agent.state_dir import StateDir
from edge_agent.status.asking import ask
from edge_agent.status.report import AgentState, JobStatus, Status
from edge_agent.status.socket import LONGEST_PATH_BYTES, StatusSocket
from tests.support.statuses import JOB, STATUS
from tests.support.waiting import wait_until_async


@pytest.fixture
def state_dir(tmp_path):
    (made := StateDir(tmp_path / "state")).prepare()
    return made


@contextmanager
def opened(state_dir, status=lambda: STATUS):
    it = StatusSocket(state_dir.status_socket, status)
    try:
        yield it
    finally:
        it.close()


async def asked(state_dir, seconds=10.0):
    return await asyncio.to_thread(ask, state_dir, timeout_seconds=seconds)


async def test_who_asks_gets_the_status_of_now(state_dir):
    jobs: list[JobStatus] = []

    def status() -> Status:
        return STATUS.model_copy(update={"jobs": tuple(jobs)})

    with state_dir.lock("h1"), opened(state_dir, status) as listening:
        await listening.open()
        assert stat.S_IMODE(state_dir.status_socket.stat().st_mode) == 0o600
        first = await asked(state_dir)
        assert (first.state, first.said, first.live.ok) == (AgentState.RUNNING, status(), True)
        jobs += [JOB] * 10_000
        assert (await asked(state_dir)).said.jobs == (JOB,) * 10_000
    assert not state_dir.status_socket.exists()
    assert [path.name for path in state_dir.path.glob("*.sock")] == []


async def test_one_that_is_only_about_to_listen_is_waited_for(state_dir):
    with state_dir.lock("h1"), opened(state_dir) as listening:
        asking = asyncio.ensure_future(asked(state_dir))
        await asyncio.sleep(0)
        await listening.open()
        assert (await asking).state is AgentState.RUNNING


async def test_one_that_does_not_listen_does_not_answer(state_dir):
    with state_dir.lock("h1"):
        report = await asked(state_dir, 0.2)
    assert report.state is AgentState.SILENT
    assert report.live == report.ready
    assert "The agent 'h1' (pid " in report.live.reasons[0]
    assert "does not answer within 0.2 s" in report.live.reasons[0]


async def test_what_a_crash_left_is_replaced(state_dir):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(state_dir.status_socket))
    left.close()
    assert state_dir.status_socket.is_socket()
    with state_dir.lock("h1"), opened(state_dir) as listening:
        await listening.open()
        assert (await asked(state_dir)).state is AgentState.RUNNING


async def test_one_that_leaves_takes_away_its_own_and_no_other(state_dir):
    with state_dir.lock("h1"), opened(state_dir) as old, opened(state_dir) as new:
        await old.open()
        await new.open()
        old.close()
        assert (await asked(state_dir)).state is AgentState.RUNNING
        new.close()
        assert not state_dir.status_socket.exists()


@pytest.mark.parametrize("length", [LONGEST_PATH_BYTES, LONGEST_PATH_BYTES + 1, 230])
async def test_no_path_is_too_long(tmp_path, length):
    missing = length - len(str(tmp_path / "status.sock")) - 1
    folder = tmp_path.joinpath(*("d" * 50 for _ in range((missing - 1) // 51)))
    folder /= "e" * (length - len(str(folder / "status.sock")) - 1)
    (state_dir := StateDir(folder)).prepare()
    assert len(str(state_dir.status_socket)) == length
    with state_dir.lock("h1"), opened(state_dir) as listening:
        await listening.open()
        assert (await asked(state_dir)).state is AgentState.RUNNING
    assert not state_dir.status_socket.exists()


async def test_where_there_can_be_no_socket_yet_that_is_told_once_and_tried_again(tmp_path, caplog):
    state_dir = StateDir(tmp_path / "later")
    tries = []

    async def sleep(seconds):
        tries.append(seconds)
        if len(tries) == 3:
            state_dir.prepare()

    listening = StatusSocket(state_dir.status_socket, lambda: STATUS, sleep=sleep)
    await listening.open()
    assert tries == [10.0] * 3
    assert [record.event for record in caplog.records] == ["status_unreachable"]
    with state_dir.lock("h1"):
        assert (await asked(state_dir)).state is AgentState.RUNNING
    listening.close()


@pytest.mark.parametrize("said", [b"{}\n", b"nonsense\n", b"\xff\n"])
async def test_an_answer_of_another_version_is_said_to_be_one(state_dir, said):
    async def answer(_reader, writer):
        writer.write(said)
        writer.close()

    server = await asyncio.start_unix_server(answer, state_dir.status_socket)
    with state_dir.lock("h1"), pytest.raises(AgentError, match="in a form that this version does not know"):
        await asked(state_dir)
    server.close()


async def test_an_answer_that_is_broken_off_is_none(state_dir):
    calls = []

    async def answer(_reader, writer):
        calls.append(writer)
        writer.write(STATUS.model_dump_json().encode() + (b"\n" if len(calls) > 2 else b""))
        writer.close()

    server = await asyncio.start_unix_server(answer, state_dir.status_socket)
    with state_dir.lock("h1"):
        assert (await asked(state_dir)).said == STATUS
    assert len(calls) == 3
    server.close()


async def test_callers_who_never_read_are_hung_up_on(state_dir):
    """The answer is larger than what a socket holds for one who does not read."""
    large = STATUS.model_copy(update={"jobs": (JOB,) * 10_000})
    with state_dir.lock("h1"), opened(state_dir, lambda: large) as listening:
        await listening.open()
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for each in crowd:
            each.setblocking(False)
            await asyncio.get_running_loop().sock_connect(each, str(state_dir.status_socket))
        assert (await asked(state_dir)).state is AgentState.RUNNING
        await wait_until_async(lambda: len(listening._calls) <= 8, what="few are served")  # noqa: SLF001  a count
        for each in crowd:
            each.close()
