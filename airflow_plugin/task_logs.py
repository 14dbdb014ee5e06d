"""A task's log as Airflow's log reader wants it: lines, from all jobs of one try, out of the table.

Bytes that are no UTF-8 are shown as replacement characters: what is stored stays as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_plugin.queue import logs
from airflow_plugin.queue.wording import how_it_ended
from edge_agent.protocol import EndReason

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def of_running(ti: Any, try_number: int) -> tuple[list[str], list[str]]:
    """Return the sources and the log so far of a running try.

    There is always a source: without one Airflow would ask the host for the log, which listens to nobody.
    """
    from airflow_plugin.compat import create_session

    with create_session(scoped=False) as session:
        jobs = jobs_of(session, ti, try_number)
        texts = ["\n".join(lines_of(session, job)) for job in jobs]
    return sources_of(jobs) or ["Edge agent: no job of this try is known"], [text for text in texts if text]


def jobs_of(session: Session, ti: Any, try_number: int) -> list[Any]:
    """Return the jobs of one try of a task instance, in the order of its log."""
    return list(logs.jobs_of_try(session, key=(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, try_number)))


def sources_of(jobs: Sequence[Any]) -> list[str]:
    """Name the agents a log comes from, each once."""
    names = dict.fromkeys(job.agent_name for job in jobs)
    return [f"Edge agent {name}" if name else "Edge agent: waiting for one" for name in names]


def lines_of(session: Session, job: Any) -> Iterator[str]:
    """Return what is stored of one job's log, line by line, and how it ended where the process could not say."""
    yield from split(logs.read(session, job.id))
    if job.log_uploaded_at is None or job.log_kept is not None:
        yield from last_words(job)


def split(blocks: Iterable[bytes]) -> Iterator[str]:
    """Return the lines of bytes that were cut anywhere."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from map(_decoded, lines)
    if rest:
        yield _decoded(rest)


def last_words(job: Any) -> Iterator[str]:
    """Return the line that tells how a job ended when its own log cannot: the agent was lost, nobody took it.

    It has no time of its own, so that it stays behind the last line, whatever the host's clock says.
    """
    if job.ended_at is not None and job.reason != EndReason.EXIT:
        words = f"The job ended on {how_it_ended(job)}" if job.agent_name else f"The job ended: {how_it_ended(job)}"
        yield json.dumps({"level": "error", "logger": "edge_agent", "event": words})


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")
