"""The executor: what Airflow's scheduler knows of edge agents. A thin skin over the queue.

It puts a workload into the queue as a job, tells the scheduler how jobs ended, and reads their logs while
they run. The table is the truth; what is kept in memory here may be lost at any time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.executors.base_executor import BaseExecutor
from sqlalchemy.orm import object_session

from airflow_plugin import task_logs, transactions
from airflow_plugin.compat import create_session
from airflow_plugin.config import QueueConfig
from airflow_plugin.db import is_migrated, require_supported
from airflow_plugin.queue import jobs, ownership
from airflow_plugin.queue.standing import GONE, Standing, verdicts, workload_of
from airflow_plugin.savepoint import savepoint
from airflow_plugin.scheduling.adoption import adopt
from airflow_plugin.scheduling.endings import Endings, Event, Notice
from airflow_plugin.scheduling.owners import Owner, owner_of
from airflow_plugin.scheduling.reconciliation import Reconciler
from airflow_plugin.scheduling.tracking import Tracker
from airflow_plugin.scheduling.workloads import Origin, UnknownWorkloadError, job_of, key_of

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy.orm import Session

    from airflow_plugin.queue.jobs import NewJob, Workload

log = logging.getLogger(__name__)

GRACE_BEYOND_OVERTIME_SECONDS = 10.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class MigrationsMissingError(RuntimeError):
    """The tables of the queue are not there, or not those of this release."""


class AgentExecutor(BaseExecutor):
    """Runs tasks, callbacks and connection tests on edge agents.

    ``revoke_task`` stays unimplemented on purpose: with it, Airflow fails a task that waits longer than
    ``[scheduler] task_queued_timeout`` without its retries. The queue has a timeout of its own, and a job that
    reaches it fails the way any task fails.
    """

    supports_callbacks = True
    supports_connection_test = True
    supports_multi_team = True
    is_local = False
    serve_logs = False

    def __init__(self, *args: Any, monotonic: Callable[[], float] = time.monotonic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._monotonic = monotonic
        self._tracker = Tracker(self.running, monotonic)
        self._put_off: list[NewJob] = []
        self._next_sync = 0.0
        self._next_reconciliation = 0.0

    # -------------------------------------------------------------------- what it is made of

    @cached_property
    def owner(self) -> Owner:
        """Who owns the jobs queued here. The scheduler sets its job id after it made the executor."""
        return owner_of(self.job_id, self.team_name)

    @cached_property
    def _origin(self) -> Origin:
        queue = self.conf.get_mandatory_value("operators", "default_queue")
        return Origin(str(self.owner), self.team_name, queue, QueueConfig.from_airflow())

    @cached_property
    def _endings(self) -> Endings:
        return Endings(self.owner, self._monotonic)

    @cached_property
    def _reconciler(self) -> Reconciler:
        overtime = float(self.conf.get_mandatory_value("core", "task_success_overtime"))
        grace = overtime + GRACE_BEYOND_OVERTIME_SECONDS
        return Reconciler(self.owner, self._endings, self._tracker, grace_seconds=grace, monotonic=self._monotonic)

    # -------------------------------------------------------------------- what the scheduler calls

    def start(self) -> None:
        """Refuse to start where nothing could work.

        :raises UnsupportedDatabaseError: when the metadata database cannot hold the queue.
        :raises MigrationsMissingError: when the tables are not there, or not those of this release.
        :raises ConfigError: when an option of ``[edge_agent]`` cannot work.
        """
        with create_session(scoped=False) as session:
            require_supported(session.get_bind().dialect.name)
            if not is_migrated(session):
                msg = "The tables of airflow-edge-agent are missing or of another release. Run `airflow db migrate`."
                raise MigrationsMissingError(msg)
        log.info("Jobs for edge agents are queued as owner %s", self._origin.owner)

    def queue_workload(self, workload: Any, session: Session) -> None:
        """Put a workload into the queue, in the scheduler's own transaction: both happen, or neither.

        What cannot be queued fails by an event, and never by an exception: the scheduler has others to queue.
        """
        # The scheduler's own pending changes go first: an error in them is for it to see.
        session.flush()
        try:
            job = job_of(workload, self._origin)
        except UnknownWorkloadError as error:
            self._refuse(workload, str(error))
            return
        about = _about(job)
        key = key_of(about)
        self._tracker.hold(key, job.id, about)
        try:
            with savepoint(session):
                self._submit(session, job)
        except Exception as error:
            if transactions.gave_way(error):
                # Whom it gave way to may wait for what this transaction has locked before, and holds until
                # its end: to try again in here would end the same way.
                log.warning("The database let another transaction go before %s, which is queued later", job.label)
                self._put_off.append(job)
                return
            # The outer edge of one workload. It is held on to without a job: when the scheduler's
            # transaction stands, the reconciliation finds that Airflow waits for nothing, and fails it.
            log.exception("Could not queue %s", job.label)

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        """Do nothing: a workload is in the queue before this could be called."""

    def sync(self) -> None:
        """Tell the scheduler of ended jobs, and every now and then compare jobs with task instances.

        Called on every turn of the scheduler's loop, so that it does nothing at most of them.
        """
        now = self._monotonic()
        if now < self._next_sync:
            return
        self._next_sync = now + self._origin.config.sync_seconds
        if self._put_off and self._attempt("queue what gave way", self._submit_put_off):
            self._put_off.clear()
        self._attempt("hear of ended jobs", self._hear)
        if now >= self._next_reconciliation:
            self._next_reconciliation = now + self._origin.config.reconcile_seconds
            self._attempt("compare jobs with task instances", self._reconciler.run)

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Go on with the jobs of a scheduler that is gone; return the task instances that have none.

        In the scheduler's own transaction, in which these rows are locked: a session of our own would
        commit and close the scheduler's (it is the same one in this thread), or wait for its lock.
        """
        if not tis:
            return tis
        session = object_session(tis[0])
        if session is None:
            with create_session(scoped=False) as own:
                return self._adopt(own, tis)
        return self._adopt(session, tis)

    def end(self) -> None:
        """Leave the jobs as they are: agents go on, and the next scheduler adopts them."""
        if self.owner.scheduler is None:
            # Nobody will: this was a run without a scheduler (dag.test).
            with create_session(scoped=False) as session:
                ownership.disown(session, str(self.owner))

    def terminate(self) -> None:
        """Leave the jobs as they are, as :meth:`end` does."""

    def get_task_log(self, ti: TaskInstance, try_number: int) -> tuple[list[str], list[str]]:
        """Return the sources and the log so far of a running try. Called in API servers."""
        return task_logs.of_running(ti, try_number)

    def debug_dump(self) -> None:
        """Log what is held, on SIGUSR2 to the scheduler."""
        super().debug_dump()  # type: ignore[no-untyped-call]  # Airflow's
        held = "\n\t".join(f"{each.job_id} {each.key}" for each in self._tracker.held())
        log.info("jobs of owner %s (%d)\n\t%s", self.owner, len(self._tracker), held)

    # -------------------------------------------------------------------- how

    def _submit(self, session: Session, job: NewJob) -> None:
        ownership.supersede(session, _about(job).id)
        jobs.submit(session, job, self._origin.config)

    def _submit_put_off(self, session: Session) -> list[Notice]:
        """Queue what gave way, as far as the scheduler's transaction stands and Airflow still waits for it."""
        known = verdicts(session, map(_about, self._put_off))
        for job in self._put_off:
            verdict = known.get(_about(job).id, GONE)
            if verdict.standing is Standing.QUEUED and verdict.scheduler in (None, self.owner.scheduler):
                self._submit(session, job)
        return []

    def _attempt(self, what: str, work: Callable[[Session], list[Notice]]) -> bool:
        try:
            notices = transactions.run(work)
        except Exception:
            # The outer edge of a duty that must not end the scheduler's loop: the transaction was rolled
            # back, nothing was told, and the next attempt finds the same jobs.
            self._next_sync = self._monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            log.exception("Could not %s; trying again in %s s", what, PAUSE_AFTER_FAILURE_SECONDS)
            return False
        # Only now, after the commit: an event must never tell of what was rolled back.
        for notice in notices:
            self._tell(notice)
        return True

    def _hear(self, session: Session) -> list[Notice]:
        heard = jobs.hear(session, str(self.owner))
        return self._endings.judge(session, heard) if heard else []

    def _tell(self, notice: Notice) -> None:
        if notice.event is Event.RUNNING:
            self.running_state(notice.key, notice.info)
            return
        is_current = not self._tracker.has_other(notice.key, notice.job_id)
        if notice.is_last:
            self._tracker.let_go(notice.key, notice.job_id)
        elif is_current:
            self.running.discard(notice.key)
        if notice.event is Event.NOTHING or not is_current:
            log.debug("Job %s is over: %s", notice.job_id, notice.info)
        elif notice.event is Event.SUCCESS:
            self.success(notice.key, notice.info)
        else:
            self.fail(notice.key, notice.info)

    def _refuse(self, workload: Any, why: str) -> None:
        try:
            self.change_state(workload.key, workload.failure_state, why)
        except (AttributeError, TypeError):
            log.exception("Could not tell the scheduler that %s cannot run: %s", type(workload).__name__, why)

    def _adopt(self, session: Session, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        adopted, without = adopt(session, tis, self.owner)
        for job in adopted:
            about = workload_of(job)
            if about is not None:
                self._tracker.hold(key_of(about), job.id, about)
        log.info("Adopted %d jobs; %d task instances have none", len(adopted), len(without))
        return without


def _about(job: NewJob) -> Workload:
    assert job.workload is not None  # noqa: S101  every job made of a workload is about it
    return job.workload
