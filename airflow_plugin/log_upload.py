"""Takes the logs of ended tasks from the table to the deployment's remote log store.

Handlers are made for workers: they take a file, some swallow their failures, some delete the file's whole
folder, and some write nothing at all because they write while the task runs. So each gets a file in a
folder of its own, and nothing is deleted from the table before the handler has given it back.
"""

from __future__ import annotations

import copy
import logging
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_plugin import task_logs
from airflow_plugin.models import JobRow
from airflow_plugin.queue import uploads
from airflow_plugin.remote_log import streams_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

LEASE_SECONDS = 300.0
AGAIN_SECONDS = 3600.0
TURN_SECONDS = 4.0
TAIL = 5


class LogUpload:
    """One turn of one replica: uploads what is due, oldest first, for a few seconds."""

    def __init__(self, session: Session, handler: Any) -> None:
        self._session = session
        self._handler = handler

    def run(self) -> int:
        """Return how many logs the store has now that it had not before."""
        count = 0
        until = time.monotonic() + TURN_SECONDS
        while time.monotonic() < until:
            claim = uploads.claim(self._session, lease_seconds=LEASE_SECONDS)
            self._session.commit()
            if claim is None:
                break
            count += self._take(claim)
            self._session.commit()
        return count

    def _take(self, claim: uploads.Claim) -> bool:
        try:
            return self._upload(claim)
        except Exception:
            # The outer edge of one log: a store that refuses it must not keep the others waiting. The lease
            # stands, so that it is tried again when that is over.
            self._session.rollback()
            log.exception("Could not upload the log of job %s; trying again in %s s", claim.job_id, LEASE_SECONDS)
            return False

    def _upload(self, claim: uploads.Claim) -> bool:
        if claim.kept is not None:
            uploads.nothing(self._session, claim.job_id)
            return False
        if not claim.payload:  # its key is gone, and with it where the log belongs; it may come back
            uploads.put_off(self._session, claim.job_id, AGAIN_SECONDS)
            return False
        path = claim.payload.get("log_path")
        with _desk(self._handler, path or "log") as (handler, file):
            tail, upto = self._write(claim.job_id, file)
            self._session.commit()  # what is read is read: no transaction waits for the store
            if path and tail and not self._store(handler, path, _instance(claim.payload), tail):
                log.warning(
                    "%s took the log of job %s and does not give it back; it stays in the database",
                    type(self._handler).__name__,
                    claim.job_id,
                )
                uploads.put_off(self._session, claim.job_id, AGAIN_SECONDS)
                return False
        uploads.done(self._session, claim.job_id, upto)
        return bool(path and tail)

    def _write(self, job_id: UUID, file: Path) -> tuple[list[str], int]:
        """Write a log as the handler wants it, valid UTF-8; return its last lines and its last chunk's start."""
        upto = -1

        def blocks() -> Any:
            nonlocal upto
            for chunk in uploads.chunks(self._session, job_id):
                upto = chunk.start_offset
                yield chunk.data

        job = self._session.get_one(JobRow, job_id)
        tail: deque[str] = deque(maxlen=TAIL)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="") as out:
            for lines in (task_logs.split(blocks()), task_logs.last_words(job)):
                for line in lines:
                    out.write(line + "\n")
                    if line:
                        tail.append(line)
        return list(tail), upto

    def _store(self, handler: Any, path: str, ti: Any, tail: list[str]) -> bool:
        """Upload, unless an attempt that died before it could say so has; return whether the store has it."""
        if not self._gives_back(path, ti, tail):
            handler.upload(path, ti)
            return self._gives_back(path, ti, tail)
        return True

    def _gives_back(self, path: str, ti: Any, tail: list[str]) -> bool:
        _, streams = streams_of(self._handler, path, ti)
        for stream in streams:
            seen: deque[str] = deque(maxlen=len(tail))
            for line in stream:
                if line:
                    seen.append(line)
                    if line == tail[-1] and list(seen) == tail:
                        return True
        return False


def _instance(payload: dict[str, Any]) -> Any:
    """Return the task instance as a handler in a worker gets it."""
    from airflow.executors.workloads.task import TaskInstanceDTO

    return TaskInstanceDTO.model_validate(payload["workload"]["ti"])


@contextmanager
def _desk(handler: Any, path: str) -> Iterator[tuple[Any, Path]]:
    """Give a handler and where it looks for the log of that path; the file is gone in the end."""
    if hasattr(handler, "base_log_folder"):
        with tempfile.TemporaryDirectory(prefix="edge-agent-log-") as home:
            own = copy.copy(handler)
            own.base_log_folder = type(handler.base_log_folder)(home)
            yield own, _inside(Path(home), path)
        return
    from airflow.configuration import conf

    file = _inside(Path(conf.get_mandatory_value("logging", "base_log_folder")), path)
    try:
        yield handler, file
    finally:
        file.unlink(missing_ok=True)


def _inside(home: Path, path: str) -> Path:
    file = (home / path).resolve()
    if not file.is_relative_to(home.resolve()):
        msg = f"the log path {path!r} leads out of the folder of logs"
        raise ValueError(msg)
    return file
