"""Jobs that have run on this host, so that none of them is run again because its row went back into the queue.

The server has no way back from the end of a job: whoever asks for one again has changed the database. A host
remembers as many as fit, by id, in ``ended_jobs`` of the state directory.

What if it dies here? The attempt directory of a job is there until its id is written; it is found, reported
again, and written then. A last id that was cut short is left out.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from uuid import UUID

logger = logging.getLogger(__name__)

REMEMBERED = 4096
_ID_BYTES = 16


class EndedJobs:
    """What ``path`` holds: ids of 16 bytes, the newest last."""

    def __init__(self, path: Path, *, remembered: int = REMEMBERED) -> None:
        self._path = path
        self._remembered = remembered
        self._ids = dict.fromkeys(self._read())
        self._lock = threading.Lock()

    def __contains__(self, job_id: UUID) -> bool:
        return job_id.bytes in self._ids

    def add(self, job_id: UUID) -> None:
        """Remember that a job has run. A disk that takes nothing forgets it with the next start."""
        with self._lock:  # jobs end side by side
            if job_id in self:
                return
            self._ids[job_id.bytes] = None
            for old in list(self._ids)[: -self._remembered]:
                del self._ids[old]
            self._write(job_id)

    def _write(self, job_id: UUID) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size >= 2 * self._remembered * _ID_BYTES:
                self._write_anew()
            else:
                with self._path.open("ab") as file:
                    # Whole ids only: what was cut short in a crash must not shift those behind it.
                    file.truncate(file.tell() // _ID_BYTES * _ID_BYTES)
                    file.write(job_id.bytes)
        except OSError as error:
            logger.warning("Could not write %s: %s", self._path, error, extra={"event": "ended_job_unwritten"})

    def _read(self) -> list[bytes]:
        try:
            content = self._path.read_bytes()
        except OSError:
            return []
        whole = [content[at : at + _ID_BYTES] for at in range(0, len(content) - _ID_BYTES + 1, _ID_BYTES)]
        return whole[-self._remembered :]

    def _write_anew(self) -> None:
        beside = self._path.with_name(f".{self._path.name}")
        beside.write_bytes(b"".join(self._ids))
        beside.replace(self._path)
