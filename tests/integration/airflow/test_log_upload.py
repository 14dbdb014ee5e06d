"""Logs go to the remote store once, whole and in order, whatever the store does; until then they stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, update

from airflow_plugin import clock, remote_log, task_logs
from airflow_plugin.compat import active_remote_log, replace_remote_log
from airflow_plugin.log_upload import LEASE_SECONDS
from airflow_plugin.models import JobRow, LogRow
from airflow_plugin.queue import uploads
from edge_agent.protocol import EndReason, JobKind, JobState
from tests.integration.conftest import UseKey
from tests.support.fernet import FERNET_KEY, new_fernet_key
from tests.support.file_store import FileStore
from tests.support.scheduling_bed import SchedulingBed


@dataclass
class Uploads:
    """A store, this process's handler in front of it, and tasks on an agent."""

    bed: SchedulingBed
    store: FileStore

    def run(self) -> int:
        with self.bed.session() as session:
            return remote_log.upload_once(session)

    def ended(self, log: bytes = b"one\ntwo\n", ti: UUID | None = None) -> UUID:
        """Run a task that writes a log and ends well; return its id."""
        if ti is None:
            (ti,) = self.bed.dag_run()
            self.executor = self.bed.scheduler()
        self.bed.queue(self.executor, ti)
        (assignment,) = self.bed.start()
        if log:
            self.bed.write_log(assignment, log)
        self.bed.set(ti, TaskInstanceState.SUCCESS)
        self.bed.report(assignment)
        return ti

    def path(self) -> str:
        path: str = json.loads(self.bed.jobs()[0].payload)["log_path"]
        return path

    def stored(self) -> str:
        """Return what the store has of the first task."""
        file = self.store.bucket / self.path()
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def chunks(self) -> int:
        with self.bed.session() as session:
            return len(session.execute(select(LogRow.start_offset)).all())

    def later(self, seconds: float = LEASE_SECONDS) -> None:
        """Let the lease of every log be over."""
        with self.bed.session() as session:
            aside = JobRow.log_upload_after.is_not(None)
            session.execute(update(JobRow).where(aside).values(log_upload_after=clock.in_seconds(-seconds)))


@pytest.fixture
def logs(bed: SchedulingBed, tmp_path: Path) -> Iterator[Uploads]:
    """Give a deployment with a store, whose handler this process reads with."""
    before = active_remote_log()
    store = FileStore(tmp_path / "bucket", tmp_path / "nobody-writes-here")
    replace_remote_log(store)
    remote_log.install()
    yield Uploads(bed, store)
    replace_remote_log(before)  # type: ignore[arg-type]  # Airflow reads it as one


def test_a_log_is_uploaded_and_leaves_the_table(logs: Uploads):
    logs.ended(b"one\ntwo\n")
    assert (logs.run(), logs.stored(), logs.chunks()) == (1, "one\ntwo\n", 0)
    assert logs.bed.job().log_uploaded_at is not None
    assert logs.run() == 0


def test_the_logs_of_a_try_go_to_the_store_in_the_order_they_were_written(logs: Uploads):
    (ti,) = logs.bed.dag_run()
    logs.executor = logs.bed.scheduler()
    logs.ended(b"first\n", ti)
    logs.ended(b"second\n", ti)
    first, second = logs.bed.jobs()
    with logs.bed.session() as session:  # the first ended last
        session.execute(update(JobRow).where(JobRow.id == first.id).values(ended_at=clock.in_seconds(60)))
    assert second.ended_at is not None

    assert logs.run() == 2
    assert [line for line in logs.stored().split("\n") if line] == ["first", "second"]


def test_a_command_that_a_try_has_submitted_holds_up_no_upload_of_the_try(logs: Uploads):
    logs.ended(b"one\n")
    (task,) = logs.bed.jobs()
    same = {name: getattr(task, name) for name in ("dag_id", "run_id", "task_id", "map_index", "try_number")}
    command = logs.bed.submit()
    with logs.bed.session() as session:
        before = {"kind": JobKind.COMMAND, "queued_at": clock.in_seconds(-60)}
        session.execute(update(JobRow).where(JobRow.id == command).values(**same, **before))
    assert (logs.run(), logs.chunks()) == (1, 0)


def test_a_job_that_wrote_nothing_is_done_without_an_upload(logs: Uploads):
    logs.ended(b"")
    assert (logs.run(), logs.store.uploads) == (0, [])
    assert logs.bed.job().log_uploaded_at is not None


@pytest.mark.parametrize("kept", ["store", "host"])
def test_what_an_agent_says_about_a_log_that_is_elsewhere_is_read_and_never_uploaded(logs: Uploads, kept: str):
    (ti,) = logs.bed.dag_run()
    logs.bed.queue(logs.bed.scheduler(), ti)
    (assignment,) = logs.bed.start()
    logs.bed.write_log(assignment, b"It is elsewhere.\n", kept=kept)
    logs.bed.set(ti, TaskInstanceState.FAILED)
    logs.bed.report(assignment, JobState.FAILED, EndReason.SIGNAL, signal=9)
    assert (logs.run(), logs.store.uploads, logs.chunks()) == (0, [], 1)
    assert logs.bed.job().log_uploaded_at is not None, "nobody asks for it again"
    with logs.bed.session() as session:
        first, last = task_logs.lines_of(session, logs.bed.job())
    assert first == "It is elsewhere."
    assert "signal 9" in last


def test_a_log_whose_place_no_key_tells_any_more_stays_until_the_key_is_back(logs: Uploads, use_key: UseKey):
    logs.ended()
    path = logs.store.bucket / logs.path()
    use_key(new_fernet_key())
    assert (logs.run(), logs.chunks()) == (0, 1)
    use_key(FERNET_KEY)
    logs.later()
    assert (logs.run(), logs.chunks()) == (1, 0)
    assert path.read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("mood", ["fails", "silent", "live"])
def test_a_log_the_store_did_not_take_stays_and_is_tried_again_later(
    logs: Uploads, mood: str, caplog: pytest.LogCaptureFixture
):
    """Some handlers raise, some swallow their failure, some write nothing at this point."""
    logs.store.mood = mood
    logs.ended()
    assert (logs.run(), logs.chunks()) == (0, 1)
    assert "could not upload" in caplog.text.lower() or "does not give it back" in caplog.text
    logs.store.mood = "well"
    assert logs.run() == 0, "not at once"

    logs.later()
    assert (logs.run(), logs.stored(), logs.chunks()) == (1, "one\ntwo\n", 0)


def test_one_log_that_fails_does_not_keep_others_waiting(logs: Uploads):
    logs.ended(b"bad\n")
    with logs.bed.session() as session:
        session.execute(update(JobRow).values(payload=json.dumps({"workload": {}, "log_path": "../outside.log"})))
    logs.ended(b"good\n")
    assert logs.run() == 1
    assert logs.chunks() == 1


def test_a_replica_that_died_after_it_uploaded_does_not_double_the_log(logs: Uploads):
    logs.ended()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "done", die)
        with pytest.raises(KeyboardInterrupt):
            logs.run()
    assert (logs.stored(), logs.chunks()) == ("one\ntwo\n", 1)

    logs.later()
    assert (logs.run(), logs.stored(), logs.chunks()) == (1, "one\ntwo\n", 0)


def test_a_log_in_somebodys_hands_is_nobody_elses(logs: Uploads):
    logs.ended()
    with logs.bed.session() as session:
        assert uploads.claim(session, lease_seconds=60) is not None
    with logs.bed.session() as session:
        assert uploads.claim(session, lease_seconds=60) is None
    logs.later()
    with logs.bed.session() as session:
        assert uploads.claim(session, lease_seconds=60) is not None


def test_what_comes_while_a_log_is_uploaded_is_uploaded_too(logs: Uploads):
    """An agent that was lost comes back and delivers the end of its log."""
    logs.ended(b"one\n")
    assignment = logs.bed.job().assignment_id
    assert assignment is not None
    logs.store.meanwhile = lambda: logs.bed.write_log(assignment, b"late\n", offset=4)
    assert logs.run() == 1
    assert (logs.chunks(), logs.bed.job().log_uploaded_at) == (1, None)

    logs.store.meanwhile = None
    logs.later()
    assert logs.run() == 1
    assert [line for line in logs.stored().split("\n") if line] == ["one", "late"]


def test_a_lost_agent_is_given_time_to_deliver_the_end_of_its_log(logs: Uploads):
    logs.ended(b"one\n")
    with logs.bed.session() as session:
        lost = {"state": JobState.FAILED, "reason": EndReason.AGENT_LOST, "message": "Silent."}
        session.execute(update(JobRow).values(**lost))
    assert logs.run() == 0
    with logs.bed.session() as session:
        session.execute(update(JobRow).values(ended_at=clock.in_seconds(-61)))

    assert logs.run() == 1
    one, said = logs.stored().strip().split("\n")
    assert one == "one"
    assert "agent_lost: Silent." in json.loads(said)["event"]


def test_bytes_that_are_no_text_reach_a_store_that_wants_text(logs: Uploads):
    logs.ended(b"broken \xff\nend")
    assert (logs.run(), logs.stored()) == (1, "broken \ufffd\nend\n")


def test_without_a_store_nothing_is_uploaded_and_the_table_keeps_it(bed: SchedulingBed, tmp_path: Path):
    before = active_remote_log()
    replace_remote_log(None)  # type: ignore[arg-type]  # Airflow reads it as one
    try:
        remote_log.install()
        remote_log.install()
        handler = active_remote_log()
        assert isinstance(handler, remote_log.TableRemoteLog)
        assert handler.inner is None
        kept = Uploads(bed, FileStore(tmp_path, tmp_path))
        kept.ended()
        assert (kept.run(), kept.chunks()) == (0, 1)
    finally:
        replace_remote_log(before)  # type: ignore[arg-type]  # Airflow reads it as one


def test_a_handler_without_a_folder_of_its_own_gets_the_log_where_airflow_keeps_logs(
    logs: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """And the file is gone again in the end."""
    folder = tmp_path / "airflow-logs"
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(folder))
    taken: dict[str, str] = {}

    class Plain:
        processors = ()

        def upload(self, path: Any, ti: Any = None) -> None:
            taken[str(path)] = (folder / path).read_text(encoding="utf-8")

        def read(self, path: str, ti: Any) -> tuple[list[str], list[str] | None]:
            return [], [taken[path]] if path in taken else None

    replace_remote_log(Plain())
    logs.ended()

    assert (logs.run(), taken) == (1, {logs.path(): "one\ntwo\n"})
    assert [file for file in folder.rglob("*") if file.is_file()] == []
