"""What the page reads of jobs every few seconds, and the indexes it is read by.

To search and to filter reads every job: whoever does that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import agent_detail, job_lists, job_views, log_pieces
from airflow_plugin.queue.job_lists import Wanted
from edge_agent.protocol import TERMINAL, JobState
from tests.support.queue_fill import Filled

CONFIG = QueueConfig()
QUEUED, RUNNING = 40_075, 40_092


def newest(session: Session, _filled: Filled) -> None:
    page = job_lists.page(session, CONFIG, Wanted(), limit=50)
    assert (page.total, len(page.jobs)) == (50_000, 50)
    assert (page.counts.offered, page.counts.ended) == (500, 35_000)
    assert page.counts.queued + page.counts.running == 14_500, "a beat of another test may have given some back"


def in_state(*states: JobState) -> Callable[[Session, Filled], Any]:
    def read(session: Session, _filled: Filled) -> None:
        assert len(job_lists.page(session, CONFIG, Wanted(states=frozenset(states)), limit=50).jobs) == 50

    return read


def of_a_task(session: Session, _filled: Filled) -> None:
    wanted = Wanted(dag_id="dag7", run_id="run80", task_id="task7", map_index=-1)
    assert (
        job_lists.page(session, CONFIG, wanted, limit=50).total
        == len(job_lists.jobs(session, CONFIG, wanted, limit=200))
        > 0
    )
    assert job_lists.dags(session, wanted) == {"dag7"}


def of_an_agent(session: Session, _filled: Filled) -> None:
    found = agent_detail.detail(session, CONFIG, "a7")
    held = [job for job in found.jobs if job.ended_at is None]
    assert len(held) > 0
    assert len(found.jobs) - len(held) == agent_detail.MOST_ENDED


PAGE_READS: dict[str, tuple[Callable[[Session, Filled], Any], set[str]]] = {
    "the newest jobs": (
        newest,
        {
            "ix_edge_agent_job_newest",
            "ix_edge_agent_job_queued",
            "ix_edge_agent_job_offer",
            "ix_edge_agent_job_held",
            "ix_edge_agent_job_ended",
        },
    ),
    "the queued jobs": (in_state(JobState.QUEUED), {"ix_edge_agent_job_queued"}),
    "the running jobs": (in_state(JobState.RUNNING), {"ix_edge_agent_job_held"}),
    "the jobs that ended": (in_state(*TERMINAL), {"ix_edge_agent_job_newest"}),
    "the jobs of a task instance": (of_a_task, {"ix_edge_agent_job_try"}),
    "one agent": (
        of_an_agent,
        {"ix_edge_agent_job_held", "ix_edge_agent_job_past", "ix_edge_agent_event_agent"},
    ),
    "one job": (
        lambda session, filled: job_views.detail(session, CONFIG, filled.job(QUEUED)),
        {"edge_agent_job_pkey"},
    ),
    "a piece of a log": (
        lambda session, filled: log_pieces.piece(session, filled.job(RUNNING), offset=-100, limit=65_536),
        {"edge_agent_job_pkey", "edge_agent_log_pkey"},
    ),
}
