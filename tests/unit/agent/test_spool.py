"""The bound on what all logs take of the disk: what goes first, what never goes, and what is said."""

from __future__ import annotations

import errno
import json
import os

import pytest

from edge_agent import holes, spool
from edge_agent.protocol import JobKind
from edge_agent.spool import LEAST_FREE_BYTES, Spool
from edge_agent.spooled_log import SpooledLog

BLOCK = 4096


@pytest.fixture
def attempt(tmp_path):
    """Give a function that makes the log of a job that came so long ago."""

    def make(name, *, hours_ago, size):
        (folder := tmp_path / name).mkdir()
        (folder / "offer.json").touch()
        os.utime(folder / "offer.json", (1e9 - 3600 * hours_ago,) * 2)
        (folder / "output.log").write_bytes(b"x" * 99 + b"\n" + b"y" * (size - 100))
        (folder / "result.json").write_text("{}")
        return SpooledLog(folder / "output.log", folder, note="[{}]\n".format)

    return make


def spool_of(logs, *, megabytes=1.0, free=2 * LEAST_FREE_BYTES):
    return Spool(lambda: logs, megabytes=megabytes, free_bytes=lambda: free)


async def test_of_too_much_the_log_of_the_job_that_came_first_goes(attempt, caplog):
    new, old = attempt("new", hours_ago=1, size=600_000), attempt("old", hours_ago=2, size=700_000)
    tidy = spool_of([new, old])
    await tidy.tidy()
    assert new.disk_bytes() == 600_000
    assert 400_000 - 3 * BLOCK < old.disk_bytes() <= 400_000 + BLOCK
    assert tidy.is_full
    await tidy.tidy()
    assert [record.event for record in caplog.records] == ["spool_full"], "told once"
    assert (old.path.parent / "result.json").read_text() == "{}"


async def test_when_one_is_not_enough_the_next_follows(attempt):
    first, second = (attempt(name, hours_ago=3 - number, size=900_000) for number, name in enumerate("ab"))
    await spool_of([second, first], megabytes=0.5).tidy()
    assert first.disk_bytes() <= BLOCK
    assert second.disk_bytes() <= 500_000 + BLOCK


async def test_what_was_delivered_goes_before_anything_that_was_not(attempt):
    sent, unsent = attempt("sent", hours_ago=1, size=900_000), attempt("unsent", hours_ago=2, size=400_000)
    sent.settle(900_000)
    tidy = spool_of([sent, unsent])
    await tidy.tidy()
    assert (sent.disk_bytes() <= BLOCK, unsent.disk_bytes(), tidy.is_full) == (True, 400_000, False)


async def test_within_the_bound_nothing_goes_unless_the_disk_is_nearly_full(attempt):
    log = attempt("a", hours_ago=1, size=900_000)
    log.settle(500_000)
    await spool_of([log]).tidy()
    assert log.disk_bytes() == 900_000
    await spool_of([log], free=LEAST_FREE_BYTES - 1).tidy()
    assert log.disk_bytes() <= 400_000 + BLOCK
    log.settle(600_000)


async def test_a_disk_that_cannot_be_measured_is_not_taken_for_full(attempt):
    def gone():
        raise FileNotFoundError

    log = attempt("a", hours_ago=1, size=900_000)
    log.settle(900_000)
    await Spool(lambda: [log], megabytes=1, free_bytes=gone).tidy()
    assert log.disk_bytes() == 900_000


async def test_a_file_system_without_holes_is_told_once_and_nothing_is_given_up_there(attempt, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(holes, "punch", refuse)
    log = attempt("a", hours_ago=1, size=2_000_000)
    log.settle(1000)
    tidy = spool_of([log])
    for _ in range(2):
        log.settle(log.delivered + 1)
        await tidy.tidy()
    assert [record.event for record in caplog.records] == ["spool_unbounded"]
    assert log.read(5) == b"yyyyy"


async def test_it_looks_again_and_again(attempt):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            raise StopIteration

    with pytest.raises(RuntimeError):
        await Spool(list, megabytes=1, free_bytes=lambda: LEAST_FREE_BYTES, sleep=sleep).run()
    assert waits == [spool.LOOK_SECONDS] * 3


def test_the_line_has_the_form_of_the_lines_around_it():
    assert spool.note(JobKind.COMMAND, 1234567).startswith("[... 1,234,567 bytes of this log are missing here: ")
    line = json.loads(spool.note(JobKind.TASK, 1234567))
    assert (line["level"], line["logger"]) == ("warning", "edge_agent")
    assert "1,234,567 bytes of this log are missing here" in line["event"]
    for kind in JobKind:
        assert spool.note(kind, 1).isascii()
        assert spool.note(kind, 1).endswith("\n")


def test_a_system_without_the_call_says_so(monkeypatch):
    import ctypes

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    with pytest.raises(OSError, match="not supported"):
        holes.punch(0, 0, BLOCK)


def test_a_range_without_a_whole_block_is_left_alone():
    holes.punch(-1, 1, 2 * BLOCK - 1)


def test_what_the_system_refuses_is_told():
    with pytest.raises(OSError, match="Bad file descriptor"):
        holes.punch(-1, 0, BLOCK)


def test_a_spool_without_a_bound_has_a_use_that_can_be_said(attempt):
    use = spool_of([attempt("a", hours_ago=1, size=600_000)], megabytes=float("inf")).use()
    assert use.used_bytes < use.most_bytes
