"""A command of a task ends once Airflow goes on without that try, and not before; nobody else's end touches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from airflow_plugin.api.workload_tokens import still_wanted
from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import Conflict
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue import assignments, commands, ties, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from edge_agent.protocol import JobKind, JobState
from edge_agent.protocol.commands import Submit, Tie
from tests.support.scheduling_bed import SchedulingBed

CONFIG = QueueConfig()
State = TaskInstanceState


@dataclass
class Submitter:
    """A task that runs and submits commands."""

    bed: SchedulingBed
    ti: UUID

    def tie(self, **changed: Any) -> Tie:
        """Return what a command of the task says of it."""
        ti = self.bed.ti(self.ti)
        assert ti is not None
        said = {name: getattr(ti, name) for name in ("id", "dag_id", "run_id", "task_id", "map_index", "try_number")}
        return Tie(**said | changed)

    def submit(self, tie: Tie | None = None, **asked: Any) -> UUID:
        """Submit a command of the task; return its id."""
        with self.bed.session() as session:
            token = session.scalars(select(TokenRow).where(TokenRow.name == "submits")).one()
            submit = Submit(command="true", tie=tie or self.tie(), **asked)
            placed = commands.submit(session, token, submit, CONFIG, default_queue="default")
            assert isinstance(placed, commands.Placed)
            return placed.id

    def end_unwanted(self, only: UUID | None = None) -> int:
        """Do the duty once, or ask for one command."""
        with self.bed.session() as session:
            return ties.end_unwanted(session, only)

    def job(self, job_id: UUID) -> JobRow:
        with self.bed.session() as session:
            return session.get_one(JobRow, job_id)


@pytest.fixture
def task(bed: SchedulingBed) -> Submitter:
    """Give a task that runs."""
    with bed.session() as session:
        tokens.create(session, "submits", Allowance(kind=TokenKind.SUBMIT))
    (ti,) = bed.dag_run()
    bed.set(ti, State.RUNNING)
    return Submitter(bed, ti)


def test_a_command_says_of_which_task_it_is(task: Submitter) -> None:
    job = task.job(task.submit(name="step"))
    ti = task.bed.ti(task.ti)
    assert ti is not None
    assert (job.dag_id, job.run_id, job.task_id, job.map_index, job.try_number) == (
        ti.dag_id,
        ti.run_id,
        ti.task_id,
        -1,
        1,
    )
    assert (job.tie_id, job.tied, job.workload_id, job.workload_type) == (ti.id, True, None, None)
    assert job.label == f"{ti.dag_id}.{ti.task_id} {ti.run_id} try 1 command step"


@pytest.mark.parametrize("state", ties.GOES_ON, ids=str)
def test_it_goes_on_while_its_try_does(task: Submitter, state: TaskInstanceState) -> None:
    """A task that has deferred is scheduled and queued before it runs on, with the same id and number of the try."""
    job_id = task.submit()
    task.bed.set(task.ti, state)
    assert task.end_unwanted() == 0
    assert task.job(job_id).state == JobState.QUEUED


def cleared(task: Submitter) -> None:
    task.bed.set(task.ti, State.DEFERRED)
    task.bed.clear(task.ti)


ENDS: dict[str, tuple[Callable[[Submitter], Any], str]] = {
    "failed": (lambda task: task.bed.set(task.ti, State.FAILED), "Its task was marked failed, or has failed."),
    "success": (lambda task: task.bed.set(task.ti, State.SUCCESS), "Its task was marked success, or has ended"),
    "skipped": (lambda task: task.bed.set(task.ti, State.SKIPPED), "Its task was skipped."),
    "cleared while it ran": (lambda task: task.bed.clear(task.ti), "Its task was cleared."),
    "cleared while it waited": (cleared, "Its task was cleared, or Airflow has gone on to another try of it."),
    "tried again": (lambda task: task.bed.retry(task.ti), "Its try of the task has failed; Airflow makes another one."),
    "failed before it ran on": (lambda task: task.bed.set(task.ti, State.UP_FOR_RETRY), "Its try of the task has fail"),
    "another try of the same id": (
        lambda task: task.bed.set(task.ti, State.RUNNING, try_number=2),
        "Its task was cleared, or Airflow has gone on to another try of it.",
    ),
    "no state": (lambda task: task.bed.set(task.ti, None), "Its task was cleared."),
    "removed": (lambda task: task.bed.set(task.ti, State.REMOVED), "Its task is removed by now."),
    "deleted": (lambda task: task.bed.delete(task.ti), "Its task was deleted."),
}


@pytest.mark.parametrize("how", ENDS)
def test_it_is_ended_when_airflow_goes_on_without_it_and_says_why(task: Submitter, how: str) -> None:
    queued, kept = task.submit(), task.submit(task.tie(ends_with_it=False))
    does, why = ENDS[how]
    does(task)
    assert task.end_unwanted() == 1
    job = task.job(queued)
    assert (job.state, (job.message or "")[: len(why)]) == (JobState.CANCELLED, why)
    assert task.job(kept).state == JobState.QUEUED
    assert task.end_unwanted() == 0


def run(task: Submitter, *job_ids: UUID) -> list[UUID]:
    """Let an agent start commands; return those that it may."""
    task.bed.register(kinds=(JobKind.COMMAND,))
    offered = task.bed.offer()
    assert len(offered) == len(job_ids)
    with task.bed.session() as session:
        starts, _ = assignments.confirm(
            session, agent="a1", session_id=task.bed.session_id, ids=offered, wanted=still_wanted()
        )
        return [start.assignment_id for start in starts]


def test_one_that_runs_is_asked_of_its_agent_once(task: Submitter) -> None:
    job_id = task.submit()
    assert run(task, job_id)
    task.bed.set(task.ti, State.FAILED)
    assert [task.end_unwanted(), task.end_unwanted()] == [1, 0]
    job = task.job(job_id)
    assert (job.state, job.cancel_reason) == (JobState.RUNNING, "Its task was marked failed, or has failed.")


def test_one_whose_task_has_ended_is_never_started(task: Submitter) -> None:
    unwanted, kept = task.submit(), task.submit(task.tie(ends_with_it=False))
    task.bed.set(task.ti, State.FAILED)
    assert len(run(task, unwanted, kept)) == 1
    assert (task.job(unwanted).state, task.job(kept).state) == (JobState.CANCELLED, JobState.RUNNING)


def test_a_cancel_that_is_only_for_the_unwanted_asks_the_same(task: Submitter) -> None:
    first, second = task.submit(name="1"), task.submit(name="2")
    assert task.end_unwanted(first) == 0
    task.bed.set(task.ti, State.SUCCESS)
    assert task.end_unwanted(first) == 1
    assert (task.job(first).state, task.job(second).state) == (JobState.CANCELLED, JobState.QUEUED)


GONE: dict[str, Callable[[Submitter], Any]] = {
    "has ended": lambda task: task.bed.set(task.ti, State.FAILED),
    "was deleted": lambda task: task.bed.delete(task.ti),
    "was cleared": lambda task: task.bed.clear(task.ti),
    "goes on to another try": lambda task: task.bed.retry(task.ti),
}


@pytest.mark.parametrize("how", GONE)
def test_what_a_task_submits_that_airflow_has_given_up_is_not_queued(task: Submitter, how: str) -> None:
    tie = task.tie()
    known = task.submit(key="before")
    GONE[how](task)
    for ends_with_it in (True, False):
        with pytest.raises(Conflict, match="Airflow does not wait for the task instance that submits this") as refused:
            task.submit(tie.model_copy(update={"ends_with_it": ends_with_it}))
        assert refused.value.state is None
    assert task.submit(tie, key="before") == known, "what is there already is found all the same"
    assert len(task.bed.jobs()) == 1


@pytest.mark.parametrize(
    "lie", [{"id": uuid4()}, {"dag_id": "x"}, {"run_id": "x"}, {"task_id": "x"}, {"map_index": 3}, {"try_number": 2}]
)
def test_nobody_hangs_a_command_on_another_task_than_it_says(task: Submitter, lie: dict[str, Any]) -> None:
    with pytest.raises(Conflict, match="it is not there any more, or another try of it is"):
        task.submit(task.tie(**lie))


# ------------------------------------------------------------------ the executor looks at tasks alone


def test_the_log_of_a_try_is_not_that_of_its_commands(task: Submitter) -> None:
    from airflow_plugin.task_logs import jobs_of

    task.submit()
    with task.bed.session() as session:
        ti: TaskInstance = session.get_one(TaskInstance, task.ti)
        assert jobs_of(session, ti, 1) == []


def test_a_command_of_a_task_is_no_job_that_a_scheduler_adopts_takes_or_hears_of(bed: SchedulingBed) -> None:
    with bed.session() as session:
        tokens.create(session, "submits", Allowance(kind=TokenKind.SUBMIT))
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, State.RUNNING)
    task = Submitter(bed, ti)
    command = task.submit()
    bed.report(assignment)
    bed.set(ti, State.SUCCESS)
    bed.turn(executor)
    job = task.job(command)
    assert (job.kind, job.state, job.owner, job.settled) == (JobKind.COMMAND, JobState.QUEUED, None, True)
    bed.turn(bed.scheduler())
    assert task.job(command).owner is None
