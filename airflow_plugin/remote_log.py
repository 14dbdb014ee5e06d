"""Where finished task logs are read: the queue's table, and the remote log store a deployment may have.

Put in place in API servers, so that every replica shows the same log whichever of them received it. Nothing of
Airflow is imported before it is used: this may be loaded while Airflow configures its logging.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Streams = list[Generator[str, None, None]]


def install() -> None:
    """Make this process read finished task logs from the table too. Doing it twice is doing it once."""
    from airflow_plugin.compat import active_remote_log, replace_remote_log

    configured = active_remote_log()
    if not isinstance(configured, TableRemoteLog):
        replace_remote_log(TableRemoteLog(configured))


def upload_once(session: Session) -> int:
    """Take the logs of ended jobs to the remote log store, when there is one; return how many.

    Commits as it goes: no transaction is open while a store is spoken to.
    """
    from airflow_plugin.compat import active_remote_log
    from airflow_plugin.log_upload import LogUpload

    configured = active_remote_log()
    inner = configured.inner if isinstance(configured, TableRemoteLog) else configured
    return 0 if inner is None else LogUpload(session, inner).run()


class TableRemoteLog:
    """A remote log handler in front of another, or of none: adds what is still in the table.

    While a task runs, the executor serves what is in the table, so that this leaves it out. Everything that is not
    about reading is the other handler's: it uploads what other executors' workers and triggerers write.
    """

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    @property
    def processors(self) -> tuple[Any, ...]:
        """What the other handler does to each line as it is written."""
        return tuple(self.inner.processors) if self.inner is not None else ()

    def upload(self, path: Any, ti: Any = None) -> None:
        """Hand a local log to the other handler."""
        if self.inner is not None:
            self.inner.upload(path, ti)

    def stream(self, relative_path: str, ti: Any) -> tuple[list[str], Streams]:
        """Return the sources and the lines of a try: the other handler's, then the table's."""
        sources, streams = streams_of(self.inner, relative_path, ti)
        if ti.state == "running":
            return sources, streams
        ours, kept = _kept(ti)
        if kept:
            streams.append(_lines(kept))
        return sources + ours, streams

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str] | None]:
        """Return the same, each stream as one text."""
        sources, streams = self.stream(relative_path, ti)
        return sources, ["\n".join(stream) for stream in streams] or None

    def __getattr__(self, name: str) -> Any:
        """Be the other handler in everything else."""
        if name == "inner" or self.inner is None:  # "inner": while a copy of this has no attributes yet
            raise AttributeError(name)
        return getattr(self.inner, name)


def streams_of(handler: Any, relative_path: str, ti: Any) -> tuple[list[str], Streams]:
    """Return what any remote log handler has of a log, as lines, whichever way of reading it offers."""
    if handler is None:
        return [], []
    try:
        read = getattr(handler, "stream", None) or handler.read
        sources, logs = read(relative_path, ti)
    except NotImplementedError:  # a handler that only writes
        return [], []
    return list(sources), [_as_lines(log) for log in logs or []]


def _as_lines(log: str | Iterable[str]) -> Generator[str, None, None]:
    yield from log.split("\n") if isinstance(log, str) else log


def _kept(ti: Any) -> tuple[list[str], list[Any]]:
    """Return the sources and those jobs of a try of which the table still has something to say."""
    from airflow_plugin import task_logs
    from airflow_plugin.compat import create_session
    from airflow_plugin.queue import logs

    with create_session(scoped=False) as session:
        jobs = task_logs.jobs_of(session, ti, ti.try_number)
        stored = logs.with_chunks(session, [job.id for job in jobs])
    kept = [job for job in jobs if job.log_uploaded_at is None or job.log_kept or job.id in stored]
    return task_logs.sources_of(kept), kept


def _lines(jobs: list[Any]) -> Generator[str, None, None]:
    from airflow_plugin import task_logs
    from airflow_plugin.compat import create_session

    with create_session(scoped=False) as session:
        for job in jobs:
            yield from task_logs.lines_of(session, job)
