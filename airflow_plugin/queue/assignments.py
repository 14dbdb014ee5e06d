"""A job in the hands of an agent: confirmed, held, released, reported.

Every function is a guarded statement per job, so that the same call twice, or two calls at once,
leave what one call would have left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import case, exists, func, select, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import tally
from airflow_plugin.queue.steps import lock, step
from edge_agent.protocol import AgentState, Ending, EndReason, JobKind, JobState, Refused, Withdrawn, one_line

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

CALLBACK = "ExecuteCallback"
"""The one workload type whose *start* its scheduler wants to hear of (it keeps its own state)."""


MAX_MESSAGE = 2000
"""As many characters as the column holds; written out, a message may have more than the host sent."""

OPEN = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING])
"""The jobs that are some agent's at this moment."""


@dataclass(frozen=True)
class Start:
    """Permission to start one job, as it was queued and signed. The API adds a fresh token."""

    assignment_id: UUID
    kind: JobKind
    payload: str
    team_name: str | None
    signature: str | None
    workload_type: str | None
    workload_id: UUID | None


def confirm(
    session: Session, *, agent: str, session_id: UUID, ids: Collection[UUID], wanted: ColumnElement[bool]
) -> tuple[list[Start], list[Withdrawn]]:
    """Let a session start what it was offered.

    ``wanted``: a condition on the job row under which somebody still wants it; one that nobody wants
    is cancelled here, so that it is not offered again. Asked again for what is running by an earlier
    confirm of the same session, the answer is the same: the first answer may have been lost. A session
    that is not current any more starts nothing.
    """
    current = exists().where(
        AgentRow.name == agent, AgentRow.session_id == session_id, AgentRow.state == AgentState.CONNECTED
    )
    mine = JobRow.assignment_id.in_(ids) & (JobRow.session_id == session_id)
    live = (JobRow.offer_expires_at > clock.now()) & current
    if len(ids) > 1:
        lock(session, JobRow.assignment_id.in_(ids))
    starting = step(
        "confirm",
        JobState.RUNNING,
        confirmed_at=clock.now(),
        hostname=select(AgentRow.hostname).where(AgentRow.name == agent).scalar_subquery(),
        notify=func.coalesce(JobRow.workload_type, "") == CALLBACK,
    )
    about = JobRow.workload_type, JobRow.workload_id
    columns = JobRow.assignment_id, JobRow.kind, JobRow.payload, JobRow.team_name, JobRow.signature, *about
    started = session.execute(starting.where(mine, live, wanted).returning(*columns, *tally.confirm_columns())).all()
    tally.confirmed(session, started)
    starts = [_start(row) for row in started]
    left = set(ids) - {start.assignment_id for start in starts}
    if not left:
        return starts, []
    unwanted = step("cancel", JobState.CANCELLED, reason=EndReason.CANCELLED, message="No longer wanted by Airflow.")
    tally.end(session, unwanted.where(mine, live, ~wanted))
    theirs = JobRow.assignment_id.in_(left), JobRow.agent_name == agent
    running_here = (JobRow.state == JobState.RUNNING) & (JobRow.session_id == session_id)
    may_start = running_here & JobRow.cancel_requested_at.is_(None) & current
    states = select(*columns, JobRow.state, may_start.label("may_start")).where(*theirs)
    rows = {row.assignment_id: row for row in session.execute(states)}
    again = [_start(row) for row in rows.values() if row.may_start]
    left -= {start.assignment_id for start in again}
    withdrawn = [Withdrawn(assignment_id=id_, state=JobState(rows[id_].state) if id_ in rows else None) for id_ in left]
    return starts + again, withdrawn


def _start(row: Any) -> Start:
    signed = row.payload, row.team_name, row.signature
    return Start(row.assignment_id, JobKind(row.kind), *signed, row.workload_type, row.workload_id)


def report(session: Session, *, agent: str, endings: Sequence[Ending]) -> tuple[list[UUID], list[Refused]]:
    """End jobs as their agent saw them end. The same ending again is accepted again.

    The session does not matter, the agent does: after its restart it reports what it adopted.
    """
    alike: dict[tuple[Any, ...], list[Ending]] = {}
    for ending in endings:
        key = (ending.state, ending.reason, ending.exit_code, ending.signal, ending.message)
        alike.setdefault(key, []).append(ending)
    if len(endings) > 1:
        lock(session, JobRow.assignment_id.in_([ending.assignment_id for ending in endings]))
    ended = {id_ for group in alike.values() for id_ in _end(session, agent, group)}
    late = [ending for ending in endings if ending.assignment_id not in ended]
    stands = _standing(session, agent, [ending.assignment_id for ending in late])
    again = {e.assignment_id for e in late if stands.get(e.assignment_id) == (e.state, e.reason)}
    refused = [_refused(e.assignment_id, stands.get(e.assignment_id)) for e in late if e.assignment_id not in again]
    return [e.assignment_id for e in endings if e.assignment_id in ended | again], refused


def _end(session: Session, agent: str, endings: Sequence[Ending]) -> list[UUID]:
    """End the jobs that ended alike with one statement; return those it ended."""
    first = endings[0]
    ran = {ending.assignment_id: ending.ran_seconds for ending in endings if ending.ran_seconds is not None}
    ended = step(
        "report",
        first.state,
        reason=first.reason,
        exit_code=first.exit_code,
        signal=first.signal,
        # It goes into the scheduler's log and onto terminals, and may be a thief's. Postgres stores no NUL, too.
        message=one_line(first.message)[:MAX_MESSAGE] if first.message else None,
        ran_seconds=case(ran, value=JobRow.assignment_id) if ran else None,
    ).where(JobRow.agent_name == agent, JobRow.assignment_id.in_([ending.assignment_id for ending in endings]))
    return [row.assignment_id for row in tally.end(session, ended, JobRow.assignment_id)]


def _standing(session: Session, agent: str, ids: Collection[UUID]) -> dict[UUID, tuple[str, str | None]]:
    """Return state and reason of those that are assignments of this agent."""
    if not ids:
        return {}
    where = JobRow.agent_name == agent, JobRow.assignment_id.in_(ids)
    rows = session.execute(select(JobRow.assignment_id, JobRow.state, JobRow.reason).where(*where))
    return {row.assignment_id: (row.state, row.reason) for row in rows}


def _refused(assignment_id: UUID, stands: tuple[str, str | None] | None) -> Refused:
    state = JobState(stands[0]) if stands else None
    message = f"The job is {state.value} by now; drop it." if state else "Not an assignment of yours."
    return Refused(assignment_id=assignment_id, state=state, message=message)


@dataclass(frozen=True)
class Holding:
    """What came of comparing what an agent says it holds with what the table says."""

    cancel: tuple[UUID, ...] = ()
    drop: tuple[UUID, ...] = ()


def compare_held(session: Session, *, agent: str, session_id: UUID, held: Collection[UUID], beat: int) -> Holding:
    """Compare a beat with the table, and mend the difference.

    A running job that the session which confirmed it does not hold in two different beats never
    started: back to the queue. One confirmed by an earlier session and not held by this one is gone:
    failed. ``beat`` is the beat's number, 0 for a registration, which counts no silence.
    """
    columns = JobRow.id, JobRow.assignment_id, JobRow.state, JobRow.session_id
    mine = OPEN & (JobRow.agent_name == agent)
    rows = session.execute(select(*columns, JobRow.silent_beat, JobRow.cancel_requested_at).where(mine)).all()
    running = [row for row in rows if row.state == JobState.RUNNING]
    silent = [row for row in running if row.assignment_id not in held]
    ours = [row for row in silent if row.session_id == session_id]
    gone = [row.id for row in silent if row.session_id != session_id]
    again = [row.id for row in ours if 0 < row.silent_beat < beat]
    heard_again = [row.id for row in running if row.silent_beat and row.assignment_id in held]
    if silent or heard_again:
        lock(session, JobRow.id.in_([*(row.id for row in silent), *heard_again]))
    if gone:
        lose(session, JobRow.id.in_(gone), EndReason.AGENT_RESTART, "The agent restarted without it.")
    if again:
        release(session, JobRow.id.in_(again))
    _note_silence(session, [row.id for row in ours if not row.silent_beat], beat)
    _note_silence(session, heard_again, 0)
    return Holding(
        cancel=tuple(row.assignment_id for row in running if row.cancel_requested_at and row.assignment_id in held),
        drop=tuple(sorted(set(held) - {row.assignment_id for row in rows})),
    )


def to_cancel(session: Session, agent: str) -> tuple[UUID, ...]:
    """Return the running assignments that somebody wants ended."""
    asked = JobRow.cancel_requested_at.is_not(None)
    running = (JobRow.agent_name == agent) & (JobRow.state == JobState.RUNNING)
    return tuple(session.scalars(select(JobRow.assignment_id).where(running, asked)))


def _note_silence(session: Session, ids: Collection[UUID], beat: int) -> None:
    if ids:
        noted = update(JobRow).where(JobRow.id.in_(ids)).values(silent_beat=beat)
        session.execute(noted.execution_options(synchronize_session=False))


def release(session: Session, which: ColumnElement[bool]) -> int:
    """Put running jobs that never started back into the queue, or end them if a cancel waits.

    :returns: how many went back.
    """
    # In this order a cancel that comes in between still finds a row that one of the two ends.
    wanted = step("release", JobState.QUEUED).where(which, JobRow.cancel_requested_at.is_(None))
    released = session.execute(wanted.returning(JobRow.id)).all()
    ended = step("report", JobState.CANCELLED, reason=EndReason.CANCELLED, message=JobRow.cancel_reason)
    tally.end(session, ended.where(which, JobRow.cancel_requested_at.is_not(None)))
    return len(released)


def expire(session: Session, which: ColumnElement[bool]) -> int:
    """Put offered jobs back into the queue; return how many."""
    return len(session.execute(step("expire", JobState.QUEUED).where(which).returning(JobRow.id)).all())


def lose(session: Session, which: ColumnElement[bool], reason: EndReason, message: str) -> int:
    """Fail running jobs whose agent no longer has them; return how many."""
    ended = step("lose", JobState.FAILED, reason=reason, message=message)
    return len(tally.end(session, ended.where(which)))
