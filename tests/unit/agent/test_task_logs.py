"""Logs of tasks that do not pass the queue: where they go, what is said of them, and how long they stay."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from functools import partial
from uuid import uuid4

import psutil
import pytest

from edge_agent.attempt_dir import AttemptDir, Result
from edge_agent.endings import Evidence, judge
from edge_agent.errors import CannotStart
from edge_agent.progress import Progress
from edge_agent.protocol import JobKind
from edge_agent.task_logs import SPARED_SECONDS, TaskLogs

NOW = 2_000_000_000.0
DAY = 86_400
RELATIVE = "dag_id=d/run_id=r/task_id=t/attempt=1.log"
DIED = judge(Evidence(Result(exit_code=None, signal=9, message="Its supervisor was killed by signal 9.")))
REFUSED = judge(Evidence(Result(exit_code=1, message="Airflow did not let it start.")))


def logs_that(where, folder, environment=dict, sleep=asyncio.sleep, *, megabytes=1):
    of_this_test = partial(TaskLogs, agent="db-07", days=30, clock=lambda: NOW)
    return of_this_test(folder, where=where, megabytes=megabytes, environment=environment, sleep=sleep)


class Try:
    """An attempt of a task whose logs go there."""

    def __init__(self, where, folder, log=f"log/{RELATIVE}"):
        self.logs = logs_that(where, folder)
        (folder / "attempts").mkdir(exist_ok=True)
        self.attempt = AttemptDir.create(folder / "attempts", uuid4(), {})
        self.progress = replace(Progress(), **self.logs.decide(JobKind.TASK, log))
        self.attempt.write_progress(self.progress)
        self.log = self.attempt.path / self.progress.log

    def write(self, text="the author's line\n"):
        self.attempt.claim("started")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text(text)

    def passes(self):
        """Return what passes the queue, line by line."""
        text = self.logs.passing(self.attempt, self.progress).read_text()
        return [json.loads(line)["event"] if line.startswith("{") else line for line in text.splitlines()]


@pytest.fixture
def make(tmp_path):
    return lambda where, **more: Try(where, tmp_path, **more)


def test_a_log_that_is_pushed_is_what_passes(make):
    it = make("push")
    it.write()
    assert (it.passes(), it.progress.kept) == (["the author's line"], None)


@pytest.mark.parametrize("where", ["store", "off"])
def test_of_any_other_only_words_about_it_pass(make, where):
    it = make(where)
    it.write()
    words = it.passes()
    assert len(words) == 1
    assert "author" not in words[0]
    assert it.passes() == words, "asked again, nothing is said twice"


def test_a_log_that_stays_is_where_the_words_say_and_laid_out_as_airflow_does(make, tmp_path):
    it = make("off")
    it.write()
    place = tmp_path / "task_logs" / RELATIVE
    assert it.passes() == [f"This log stays on its host: db-07, {place}. It is kept there for 30 days."]
    assert place.read_text() == "the author's line\n"
    assert it.attempt.log_folder == tmp_path / "task_logs"
    assert (tmp_path / "task_logs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["push", "store", "off"])
def test_commands_are_not_concerned(tmp_path, where):
    assert logs_that(where, tmp_path).decide(JobKind.COMMAND, "output.log") == {"log": "output.log"}


def test_what_a_process_without_a_log_says_does_not_pass_either(make):
    it = make("off", log="output.log")
    it.attempt.output.write_text("a secret of the host")
    assert (it.progress.kept, it.log) == ("host", it.attempt.output)
    assert "secret" not in str(it.passes())


def test_a_log_that_the_store_took_leaves_nothing(make, tmp_path):
    it = make("store")
    it.write()
    it.attempt.stored.touch()
    it.logs.settle(it.attempt, it.progress)
    assert not (tmp_path / "late_logs").exists()
    assert len(it.passes()) == 1


@pytest.mark.parametrize("text", [None, ""], ids=["never written", "emptied by whoever took it"])
def test_nor_does_one_with_nothing_in_it(make, tmp_path, text):
    it = make("store")
    if text is not None:
        it.write(text)
    it.logs.settle(it.attempt, it.progress)
    assert not (tmp_path / "late_logs").exists()


def test_a_log_that_the_store_did_not_take_waits_for_it_and_that_is_said(make, tmp_path):
    it = make("store")
    it.write()
    it.passes()
    it.logs.settle(it.attempt, it.progress)
    late = tmp_path / "late_logs" / RELATIVE
    assert late.read_text() == "the author's line\n"
    assert not it.log.exists()
    words = it.passes()
    assert words[1].startswith("The log store did not take this log. db-07 keeps it and tries again, for 30 days;")
    assert str(late) in words[1]
    it.logs.settle(it.attempt, it.progress)
    assert it.passes() == words, "settled again by the next start, it is settled"


def test_two_late_logs_of_one_try_are_one_behind_the_other(make, tmp_path):
    for text in ("before the deferral\n", "after it\n"):
        it = make("store")
        it.write(text)
        it.logs.settle(it.attempt, it.progress)
    assert (tmp_path / "late_logs" / RELATIVE).read_text() == "before the deferral\nafter it\n"


def test_a_log_that_cannot_be_moved_is_told_to_the_operator(make, tmp_path, caplog):
    it = make("store")
    it.write()
    (tmp_path / "late_logs").write_text("a file is in the way")
    it.logs.settle(it.attempt, it.progress)
    assert "Could not keep" in caplog.text


def test_a_log_is_kept_for_the_store_also_when_that_cannot_be_said(make, tmp_path, caplog):
    it = make("store")
    it.write()
    it.attempt.said.mkdir()
    it.logs.settle(it.attempt, it.progress)
    assert "Could not write" in caplog.text
    assert (tmp_path / "late_logs" / RELATIVE).read_text() == "the author's line\n"


@pytest.mark.parametrize("where", ["store", "off"])
def test_what_a_dead_process_said_last_goes_where_its_log_does_and_nowhere_else(make, where):
    it = make(where)
    it.write()
    it.attempt.output.write_text("Out of memory at line 7 of a secret")
    it.passes()
    it.logs.explain(it.attempt, it.progress, DIED)
    assert "The last of its output:\\nOut of memory at line 7" in it.log.read_text()
    assert len(it.passes()) == 1, "the server says by itself that it was killed"


@pytest.mark.parametrize("where", ["store", "off"])
def test_why_one_failed_that_says_nothing_itself_passes(make, where):
    it = make(where)
    it.attempt.output.write_text("a secret")
    it.passes()
    it.logs.explain(it.attempt, it.progress, REFUSED)
    assert it.passes()[1:] == ["Airflow did not let it start."]
    assert not it.log.exists(), "nothing of it ever ran"


def test_a_log_in_the_store_is_not_begun_anew_by_an_explanation(make):
    it = make("store")
    it.write("")
    it.attempt.stored.touch()
    it.logs.explain(it.attempt, it.progress, DIED)
    assert it.log.read_text() == ""


def lay(folder, name, *, days, size=4096):
    path = folder / name / "attempt=1.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def left(tmp_path):
    return sorted(path.parent.name for path in tmp_path.rglob("*.log"))


@pytest.mark.parametrize("folder", ["task_logs", "late_logs"])
def test_what_is_too_old_goes_with_its_folders_and_the_rest_stays(tmp_path, folder):
    lay(tmp_path / folder, "dag_id=old/task_id=t", days=31)
    lay(tmp_path / folder, "dag_id=new/task_id=u", days=29)
    logs_that("push", tmp_path).purge()
    assert left(tmp_path) == ["task_id=u"]
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["dag_id=new"]


def test_a_log_that_never_reached_the_store_goes_with_a_word(tmp_path, caplog):
    lay(tmp_path / "late_logs", "old", days=31)
    logs_that("store", tmp_path).purge()
    assert "never reached the log store" in caplog.text


def test_what_cannot_be_removed_is_told_and_keeps_nothing_else(tmp_path, caplog):
    (tmp_path / "task_logs").symlink_to(
        "/proc/sys/kernel/random"
    )  # where files are old by then, and nobody's to remove
    lay(tmp_path / "late_logs", "old.log", days=31)
    logs_that("off", tmp_path).purge()
    assert "Could not remove" in caplog.text
    assert not any((tmp_path / "late_logs").rglob("*.log"))


def test_of_too_much_the_oldest_goes_and_what_is_being_written_does_not(tmp_path):
    for name, days in (("oldest", 3), ("older", 2), ("new", 1)):
        lay(tmp_path / "task_logs", name, days=days, size=400_000)
    now = lay(tmp_path / "task_logs", "running", days=0, size=2_000_000)
    logs_that("off", tmp_path).purge()
    assert left(tmp_path) == ["running"]
    os.utime(now, (NOW - SPARED_SECONDS - 1,) * 2)
    logs_that("off", tmp_path, megabytes=3).purge()
    assert left(tmp_path) == ["running"]
    logs_that("off", tmp_path).purge()
    assert left(tmp_path) == []


class Over(Exception):
    """The test has seen enough."""


async def pauses_of(logs_of, count):
    """Return how long the first pauses are."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == count:
            raise Over

    with pytest.raises(Over):
        await logs_of(sleep).run()
    return pauses


def not_known():
    raise CannotStart("not known yet")


@pytest.fixture
def away(tmp_path, monkeypatch):
    """Have a log wait for a store that takes nothing."""
    lay(tmp_path / "late_logs", "one", days=0)
    monkeypatch.setattr("edge_agent.task_logs.sys.executable", "/bin/false")


async def test_late_logs_are_tried_again_and_ever_more_rarely(tmp_path, away):
    pauses = await pauses_of(lambda sleep: logs_that("store", tmp_path, sleep=sleep), 7)
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


async def test_before_it_is_known_how_they_are_only_looked_at(tmp_path, away):
    assert await pauses_of(lambda sleep: logs_that("store", tmp_path, not_known, sleep), 2) == [5, 5]


@pytest.mark.parametrize("where", ["push", "off"])
async def test_nothing_is_taken_to_a_store_that_is_not_to_have_it(tmp_path, away, where):
    assert await pauses_of(lambda sleep: logs_that(where, tmp_path, sleep=sleep), 2) == [5, 5]


async def test_a_store_that_takes_nothing_is_told_with_where_to_look(tmp_path, away, caplog):
    await pauses_of(lambda sleep: logs_that("store", tmp_path, sleep=sleep), 1)
    assert "1 logs of tasks wait for the log store" in caplog.text
    assert str(tmp_path / "task_host.log") in caplog.text


async def test_a_store_that_never_answers_is_given_up_and_what_asked_it_is_ended(tmp_path, away, monkeypatch, caplog):
    (asks := tmp_path / "asks").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 300\n")
    asks.chmod(0o700)
    monkeypatch.setattr("edge_agent.task_logs.sys.executable", str(asks))
    monkeypatch.setattr("edge_agent.task_logs.ATTEMPT_SECONDS", 1.0)
    assert await pauses_of(lambda sleep: logs_that("store", tmp_path, sleep=sleep), 1) == [60]
    assert "1 logs of tasks wait for the log store" in caplog.text
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


async def test_a_host_that_can_start_no_process_keeps_them_and_its_agent(tmp_path, away, monkeypatch, caplog):
    monkeypatch.setattr("edge_agent.task_logs.sys.executable", str(tmp_path / "nowhere"))
    assert await pauses_of(lambda sleep: logs_that("store", tmp_path, sleep=sleep), 2) == [60, 120]
    assert "cannot be taken to the store now: [Errno 2]" in caplog.text
