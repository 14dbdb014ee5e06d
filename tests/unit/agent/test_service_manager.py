"""What a service manager is told, over a real socket; and that jobs cannot speak in the agent's place."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import pytest

from edge_agent.service_manager import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def ear(request):
    """Give a socket that hears, and how NOTIFY_SOCKET names it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        name = str(Path(folder) / "notify")
        it.bind(name if request.param == "path" else "\0" + name)
        it.setblocking(False)
        yield it, name if request.param == "path" else "@" + name


def heard(ear):
    words = []
    while True:
        try:
            words.append(ear.recv(4096).decode())
        except BlockingIOError:
            return words


async def test_it_is_told_when_the_agent_is_there_and_when_it_leaves(ear):
    ear, address = ear
    async with ServiceManager(address).attended():
        assert heard(ear) == ["READY=1"]
    assert heard(ear) == ["STOPPING=1"]


async def test_the_watchdog_is_fed_twice_in_the_time_it_gives_by_the_event_loop(ear):
    ear, address = ear
    slept: list[float] = []
    turns = asyncio.Event()

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            turns.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async with ServiceManager(address, 60).attended(sleep=sleep):
        await turns.wait()
    assert heard(ear) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]
    assert slept == [30.0] * 3


async def test_it_is_told_that_the_agent_leaves_when_that_ends_by_an_error(ear):
    ear, address = ear
    with pytest.raises(RuntimeError):
        async with ServiceManager(address, 60).attended():
            raise RuntimeError
    assert heard(ear)[-1] == "STOPPING=1"


async def test_nobody_is_told_where_nobody_listens():
    async with ServiceManager.of({}).attended():
        pass


async def test_a_service_manager_that_does_not_hear_changes_nothing_and_is_told_of(tmp_path, caplog):
    async with ServiceManager(str(tmp_path / "gone")).attended():
        pass
    assert [record.event for record in caplog.records] == ["service_manager_deaf"] * 2


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process_or_none(variables, seconds):
    assert ServiceManager.of({"NOTIFY_SOCKET": "/x", **variables}).watchdog_seconds == seconds


def test_nothing_of_it_stays_in_the_environment_that_jobs_get():
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    ServiceManager.of(environment)
    assert environment == {"PATH": "/bin"}
