"""A scheduler's side of things without its loop: real task instances, real executors, real event processing.

Every step is a transaction of its own, as in the scheduler. Time is what a test says it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pendulum
from airflow.jobs.job import Job, JobState
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbag import DBDagBag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, true, update
from sqlalchemy.orm import Session

from airflow_plugin.executor import AgentExecutor
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue import agents, assignments, logs, offers, tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import Ending, EndReason, JobKind, Registration, Versions
from edge_agent.protocol import JobState as State
from tests.support.queue_bed import ASKS_FROM
from tests.support.workloads import BUNDLE, workload_of

QUEUE = "onprem"
NUMBERS = itertools.count(1)


class Clock:
    """The monotonic clock of executors in a test."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class NoSink:
    """Takes what would go to the Dag processor."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, request: Any) -> None:
        self.sent.append(request)


@dataclass
class SchedulingBed:
    """Everything between Airflow's tables and an agent. ``clock`` is that of every executor made here."""

    clock: Clock = field(default_factory=Clock)
    agent: str = "a1"

    # -- Airflow's side

    def dag_run(self, *task_ids: str, dag_id: str = "", run_id: str = "", **arguments: Any) -> list[UUID]:
        """Make a Dag of one task each and a run of it; return the ids of the task instances, all scheduled."""
        dag_id = dag_id or f"dag_{next(NUMBERS)}"
        arguments = {"queue": QUEUE, "executor": None, "retries": 1, "bash_command": "true", **arguments}
        with DAG(dag_id, schedule=None, start_date=pendulum.datetime(2024, 1, 1)) as dag:
            for task_id in task_ids or ("task",):
                BashOperator(task_id=task_id, **arguments)
        with self.session() as session:
            if session.get(DagBundleModel, BUNDLE) is None:
                session.add(DagBundleModel(name=BUNDLE))
                session.flush()
            lazy = LazyDeserializedDAG.from_dag(dag)
            SerializedDAG.bulk_write_to_db(BUNDLE, None, [lazy], session=session)
            SerializedDagModel.write_dag(lazy, BUNDLE, session=session)
            session.flush()
            scheduled = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
            assert scheduled is not None
            run = scheduled.create_dagrun(
                run_id=run_id or f"manual__{uuid4()}",
                run_after=pendulum.now("UTC"),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING,
                session=session,
            )
            tis = sorted(run.get_task_instances(session=session), key=lambda ti: ti.task_id)
            for ti in tis:
                ti.state, ti.try_number = TaskInstanceState.SCHEDULED, 1
            return [ti.id for ti in tis]

    def scheduler(self, **arguments: Any) -> AgentExecutor:
        """Return the executor of a new scheduler that runs."""
        with self.session() as session:
            job = Job(job_type="SchedulerJob")
            job.state = JobState.RUNNING
            job.latest_heartbeat = pendulum.now("UTC")
            session.add(job)
            session.flush()
            job_id = job.id
        executor = AgentExecutor(monotonic=self.clock, **arguments)
        executor.job_id = job_id
        executor.callback_sink = NoSink()  # type: ignore[assignment]  # it only sends
        executor.start()
        return executor

    def queue(self, executor: AgentExecutor, *ids: UUID) -> None:
        """Queue task instances as the scheduler does: state and job in one transaction."""
        with create_session() as session:
            self.queue_in(session, executor, *ids)

    def queue_in(self, session: Session, executor: AgentExecutor, *ids: UUID) -> None:
        """The same, in a transaction of the test's."""
        for ti in session.scalars(select(TaskInstance).where(TaskInstance.id.in_(ids))):
            ti.state = TaskInstanceState.QUEUED
            ti.queued_by_job_id = None if executor.job_id is None else scheduler_of(executor)
            session.flush()
            executor.queue_workload(workload_of(ti), session)

    def set(self, ti_id: UUID, state: TaskInstanceState | None, **values: Any) -> None:
        """Set a task instance's state, as its own process, a user or another scheduler would."""
        with self.session() as session:
            session.execute(update(TaskInstance).where(TaskInstance.id == ti_id).values(state=state, **values))

    def clear(self, ti_id: UUID) -> UUID:
        """Clear a task instance as a user does; return its new id."""
        with self.session() as session:
            ti = session.get_one(TaskInstance, ti_id)
            key = ti.dag_id, ti.run_id, ti.task_id, ti.map_index
            clear_task_instances([ti], session)
            session.flush()
            return self._by_key(session, key).id

    def retry(self, ti_id: UUID) -> UUID:
        """Let a running task end as up for retry, as its own process reports it; return its new id."""
        with self.session() as session:
            ti = session.get_one(TaskInstance, ti_id)
            ti.prepare_db_for_next_try(session)
            ti.state = TaskInstanceState.UP_FOR_RETRY
            session.flush()
            return ti.id

    def delete(self, ti_id: UUID) -> None:
        """Delete a task instance's Dag run, and it with that."""
        with self.session() as session:
            ti = session.get_one(TaskInstance, ti_id)
            session.delete(session.scalars(select(DagRun).where(DagRun.run_id == ti.run_id)).one())

    def ti(self, ti_id: UUID) -> TaskInstance | None:
        """Return a task instance as it stands."""
        with self.session() as session:
            return session.get(TaskInstance, ti_id)

    def state(self, ti_id: UUID) -> TaskInstanceState | str | None:
        """Return a task instance's state; "gone" when there is none of that id."""
        ti = self.ti(ti_id)
        return "gone" if ti is None else ti.state

    def heartbeat(self, executor: AgentExecutor, seconds: float = 60.0) -> dict[Any, tuple[Any, Any]]:
        """Let time pass and the scheduler look at its executor once; return the events it finds."""
        self.clock.pass_by(seconds)
        executor.heartbeat()
        return dict(executor.event_buffer)

    def process(self, executor: AgentExecutor) -> None:
        """Let the scheduler act on the events its executor has."""
        # The thread's own session, as in the scheduler: parts of Airflow take that one by themselves.
        with create_session() as session:
            SchedulerJobRunner.process_executor_events(
                executor=executor, job_id=scheduler_of(executor), scheduler_dag_bag=DBDagBag(), session=session
            )

    def turn(self, executor: AgentExecutor, seconds: float = 60.0) -> dict[Any, tuple[Any, Any]]:
        """Do both; return the events."""
        events = self.heartbeat(executor, seconds)
        self.process(executor)
        return events

    # -- the agent's side

    def register(self, *queues: str, kinds: tuple[JobKind, ...] = (JobKind.TASK,), **capabilities: Any) -> None:
        """Register the agent anew."""
        with self.session() as session:
            token = f"of-{self.agent}-{next(NUMBERS)}"
            tokens.create(session, token)
            row = session.scalars(select(TokenRow).where(TokenRow.name == token)).one()
            asked = Registration(
                instance=uuid4(),
                hostname="host.example",
                queues=queues or (QUEUE, "default"),
                kinds=kinds,
                slots=1000,
                capabilities={"runner.tmux": True, **capabilities},
                versions=Versions(agent="1", python="3"),
            )
            opened = agents.register(session, self.agent, asked, token=row, **ASKS_FROM)
            self.session_id = opened.session_id

    def offer(self) -> list[UUID]:
        """Offer the agent everything that is queued; return the assignments."""
        if not hasattr(self, "session_id"):
            self.register()
        with self.session() as session:
            keys = [key for key, _ in session.execute(offers.demand())]
            claimant = offers.Claimant(self.agent, self.session_id, 1000, 1000)
            made = offers.offer(session, claimant, keys, limit=256, offer_seconds=60)
            return [offer.assignment_id for offer in made]

    def confirm(self, ids: Iterable[UUID]) -> list[UUID]:
        """Confirm assignments; return those that may start."""
        with self.session() as session:
            starts, _ = assignments.confirm(
                session, agent=self.agent, session_id=self.session_id, ids=list(ids), wanted=true()
            )
            return [start.assignment_id for start in starts]

    def start(self) -> list[UUID]:
        """Offer and confirm everything that is queued, in the order it was offered."""
        return self.confirm(self.offer())

    def report(
        self, assignment: UUID, state: State = State.SUCCEEDED, reason: EndReason = EndReason.EXIT, **more: Any
    ) -> bool:
        """Report an end; return whether it was taken."""
        with self.session() as session:
            ending = Ending(assignment_id=assignment, state=state, reason=reason, log_bytes=0, **more)
            accepted, _ = assignments.report(session, agent=self.agent, endings=[ending])
            return bool(accepted)

    def write_log(self, assignment: UUID, data: bytes, offset: int = 0, limit: int = 1_000_000, **more: Any) -> None:
        """Send bytes of a log."""
        where: dict[str, Any] = {"agent": self.agent, "assignment_id": assignment, "offset": offset}
        with self.session() as session:
            logs.append(session, **where, data=data, limit=limit, **more)

    # -- what is in the table

    def jobs(self) -> list[JobRow]:
        """Return every job, in the order they were queued."""
        with self.session() as session:
            return list(session.scalars(select(JobRow).order_by(JobRow.queued_at, JobRow.id)))

    def job(self) -> JobRow:
        """Return the one job there is."""
        (job,) = self.jobs()
        return job

    def submit(self, placement: Placement | None = None, **arguments: Any) -> UUID:
        """Submit a job that is about no workload."""
        from airflow_plugin.config import QueueConfig
        from airflow_plugin.queue import jobs

        new = jobs.NewJob(
            kind=JobKind.TASK, placement=placement or Placement(QUEUE), payload={}, label="x", **arguments
        )
        with self.session() as session:
            return jobs.submit(session, new, QueueConfig())

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session of the test's own."""
        with create_session(scoped=False) as session:
            yield session

    @staticmethod
    def _by_key(session: Session, key: tuple[str, str, str, int]) -> TaskInstance:
        dag_id, run_id, task_id, map_index = key
        found = select(TaskInstance).where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.task_id == task_id,
            TaskInstance.map_index == map_index,
        )
        return session.scalars(found).one()


def scheduler_of(executor: AgentExecutor) -> int:
    """Return the job id of an executor's scheduler."""
    assert isinstance(executor.job_id, int)
    return executor.job_id
