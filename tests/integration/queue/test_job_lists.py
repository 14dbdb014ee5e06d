"""Lists of jobs as the page asks for them: what is on one, in which order, cut into pages."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import NotFound
from airflow_plugin.models import JobRow, TokenRow
from airflow_plugin.queue import job_lists, job_views, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from airflow_plugin.queue.job_lists import Wanted
from airflow_plugin.queue.jobs import Workload
from edge_agent.protocol import TERMINAL, JobState


def of_dag(dag_id="etl", run_id="daily 1", task_id="load", map_index=-1):
    return Workload("ExecuteTask", uuid4(), dag_id, run_id, task_id, map_index, 1)


def page(bed, limit=50, offset=0, **wanted):
    with bed.database.transaction() as session:
        return job_lists.page(session, QueueConfig(), Wanted(**wanted), limit=limit, offset=offset)


def ids(bed, **wanted):
    return {view.id for view in page(bed, **wanted).jobs}


@pytest.fixture
def each_state(queue):
    """Give a job in every state, by state; all in the hands of one agent with room."""
    agent = queue.register(slots=100)
    # The queued one last: an offer takes what has waited longest.
    states = sorted(JobState, key=lambda state: state is JobState.QUEUED)
    return {state: queue.put(state, agent).id for state in states}


def test_the_newest_come_first_and_pages_leave_nothing_out_and_nothing_twice(queue):
    submitted = [queue.submit() for _ in range(7)]
    with queue.database.transaction() as session:  # some at the very same moment
        moment = session.get_one(JobRow, submitted[3]).queued_at
        session.execute(update(JobRow).where(JobRow.id.in_(submitted[2:5])).values(queued_at=moment))
    pages = [page(queue, limit=2, offset=offset) for offset in (0, 2, 4, 6, 8)]
    assert [each.total for each in pages] == [7] * 5
    listed = [view for each in pages for view in each.jobs]
    assert [view.queued_at for view in listed] == sorted((view.queued_at for view in listed), reverse=True)
    assert len(listed) == 7
    assert {view.id for view in listed} == set(submitted)


def test_each_state_can_be_asked_for_and_several(queue, each_state):
    for state, job in each_state.items():
        assert ids(queue, states=frozenset({state})) == {job}
    open_ones = frozenset({JobState.QUEUED, JobState.RUNNING})
    assert ids(queue, states=open_ones) == {each_state[JobState.QUEUED], each_state[JobState.RUNNING]}
    assert ids(queue, states=TERMINAL) == {each_state[state] for state in TERMINAL}


def test_the_counts_are_of_all_jobs_whatever_is_asked_for(queue, each_state):
    found = page(queue, states=frozenset({JobState.RUNNING}))
    assert found.total == 1
    assert found.counts.model_dump() == {"queued": 1, "offered": 1, "running": 1, "ended": 3}
    assert page(queue).total == 6


def test_what_is_queued_comes_as_it_will_be_taken(queue):
    agent = queue.register(slots=100)
    running = queue.put(JobState.RUNNING, agent).id
    low, first, second = queue.submit(), queue.submit(priority_weight=9), queue.submit(priority_weight=9)
    queued = [view.id for view in page(queue, states=frozenset({JobState.QUEUED})).jobs]
    both = [view.id for view in page(queue, states=frozenset({JobState.QUEUED, JobState.RUNNING})).jobs]
    assert queued == [offer.job_id for offer in queue.offer(agent)] == [first, second, low]
    assert both == [first, second, low, running]


def test_jobs_are_found_by_queue_agent_kind_and_task(queue):
    agent = queue.register(queues=["north"], slots=9)
    ran = queue.put(JobState.SUCCEEDED, agent, queue="north", workload=of_dag()).id
    mapped = queue.submit(queue="south", workload=of_dag(map_index=3))
    other = queue.submit(queue="south", workload=of_dag("etl2", "daily 2", "read"))
    for wanted, expected in (
        ({"queue": "north"}, {ran}),
        ({"queue": "nor"}, set()),
        ({"agent": "a1"}, {ran}),
        ({"kind": "task"}, {ran, mapped, other}),
        ({"kind": "command"}, set()),
        ({"dag_id": "etl"}, {ran, mapped}),
        ({"run_id": "daily 2"}, {other}),
        ({"task_id": "load", "map_index": -1}, {ran}),
        ({"map_index": 3}, {mapped}),
        ({"dag_id": "etl", "queue": "south"}, {mapped}),
    ):
        assert ids(queue, **wanted) == expected, wanted
        assert page(queue, **wanted).total == len(expected), wanted


@pytest.mark.parametrize(
    ("search", "found"), [("LOAD", True), ("a_b", True), ("100%", True), ("a%b", False), ("axb", False), ("\\", True)]
)
def test_a_search_is_for_these_very_characters_anywhere_in_the_label(queue, search, found):
    queue.submit(label=r"etl.load a_b 100% c\d")
    queue.submit(label="something else")
    assert page(queue, search=search).total == found


@pytest.fixture
def submitted(queue):
    """Give a function that makes a command as if it was submitted with a token of that name."""

    def submit(token: str, **values):
        job = queue.submit(label=f"of {token}")
        with queue.database.transaction() as session:
            if session.scalar(select(TokenRow.id).where(TokenRow.name == token)) is None:
                tokens.create(session, token, Allowance(kind=TokenKind.SUBMIT))
            mine = select(TokenRow.id).where(TokenRow.name == token).scalar_subquery()
            session.execute(update(JobRow).where(JobRow.id == job).values(submit_token_id=mine, **values))
        return job

    return submit


def test_a_command_says_what_it_is_called_and_with_which_token_it_was_submitted(queue, submitted):
    command, task = submitted("nightly", command_name="load"), queue.submit(workload=of_dag())
    views = {view.id: (view.command_name, view.submitted_by) for view in page(queue).jobs}
    assert views == {command: ("load", "nightly"), task: (None, None)}
    with queue.database.transaction() as session:
        session.execute(delete(TokenRow))
    (view,) = (view for view in page(queue).jobs if view.id == command)
    assert (view.command_name, view.submitted_by) == ("load", None), "the token is kept no longer"


def test_what_was_submitted_with_a_token_can_be_asked_for(queue, submitted):
    mine, _ = submitted("nightly"), submitted("hourly")
    queue.submit()
    assert ids(queue, token="nightly") == {mine}
    assert ids(queue, token="nobodys") == set()


def test_only_jobs_of_some_dags_and_those_of_none_can_be_asked_for(queue):
    mine, command = queue.submit(workload=of_dag("mine")), queue.submit()
    queue.submit(workload=of_dag("theirs"))
    assert ids(queue, dags=frozenset({"mine"})) == {mine, command}
    assert ids(queue, dags=frozenset()) == {command}
    with queue.database.transaction() as session:
        assert job_lists.dags(session, Wanted()) == {"mine", "theirs"}
        assert job_lists.dags(session, Wanted(task_id="nobodys")) == set()


@pytest.mark.parametrize(
    ("wanted", "asks"),
    [
        ({"search": "x"}, True),
        ({"dag_id": "x"}, True),
        ({"run_id": "x"}, True),
        ({"task_id": "x"}, True),
        ({"map_index": -1}, True),
        ({"token": "x"}, True),
        ({"queue": "x", "agent": "x", "states": TERMINAL}, False),
    ],
)
def test_it_is_known_which_questions_tell_what_a_job_is_about(wanted, asks):
    assert Wanted(**wanted).asks_what_it_is_about is asks


def test_the_queues_are_those_of_agents_of_what_is_open_and_of_what_was_lately(queue):
    agent = queue.register(queues=["served", "shared"], slots=9)
    queue.put(JobState.SUCCEEDED, agent, queue="shared")
    queue.submit(queue="nobody-serves-it")
    queue.submit(queue="nobody-serves-it", requires={"gpu": True})
    assert page(queue).queues == ["nobody-serves-it", "served", "shared"]


def test_the_times_that_people_ask_about_are_reckoned_by_the_database(queue):
    agent = queue.register(slots=9)
    running = queue.put(JobState.RUNNING, agent).id
    ended = queue.put(JobState.SUCCEEDED, agent, label="ended")
    gone = queue.submit()
    queue.cancel(gone)
    waits = queue.submit()
    with queue.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == ended.id).values(ran_seconds=1.5))
    queue.database.pass_time(60)
    found = page(queue)
    views = {view.id: view for view in found.jobs}
    assert views[waits].wait_seconds == pytest.approx(60, abs=30)
    assert views[waits].ran_seconds is None
    assert views[running].wait_seconds < 30
    assert views[running].ran_seconds == pytest.approx(60, abs=30)
    assert views[ended.id].ran_seconds == 1.5, "as its agent measured it"
    assert views[gone].wait_seconds < 30
    assert views[gone].ran_seconds is None
    assert (found.server_time - views[waits].queued_at).total_seconds() == pytest.approx(60, abs=30)


def test_a_job_of_a_task_instance_leads_to_its_page(queue):
    plain = queue.submit(workload=of_dag(run_id="manual__2026-01-01T00:00:00+00:00"))
    mapped = queue.submit(workload=of_dag("a/b", "r?1", "ü", 0))
    command = queue.submit()
    urls = {view.id: view.task_url for view in page(queue).jobs}
    assert urls == {
        plain: "dags/etl/runs/manual__2026-01-01T00:00:00+00:00/tasks/load",
        mapped: "dags/a%2Fb/runs/r%3F1/tasks/%C3%BC/mapped/0",
        command: None,
    }


def test_to_somebody_who_may_not_read_its_dag_a_job_does_not_tell_what_it_is_about(queue, submitted):
    planted = "planted-7f3a"
    job = queue.put(JobState.RUNNING, label=planted, workload=of_dag(planted, planted, planted, 7)).id
    token = select(JobRow.submit_token_id).where(JobRow.id == submitted(planted)).scalar_subquery()
    with queue.database.transaction() as session:
        named = {"command_name": planted, "submit_token_id": token}
        session.execute(update(JobRow).where(JobRow.id == job).values(named))
    queue.cancel(job, why=planted)
    with queue.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == job).values(message=planted))
    with queue.database.transaction() as session:
        view = job_views.detail(session, QueueConfig(), job).job
    seen = job_views.hidden(view)
    assert planted in view.model_dump_json()
    assert planted not in seen.model_dump_json()
    assert (view.hidden, seen.hidden, seen.map_index, seen.try_number) == (False, True, None, None)
    assert (seen.id, seen.state, seen.queue, seen.agent_name) == (job, JobState.RUNNING, "default", "a1")


def test_one_job_is_found_by_its_id_or_not_at_all(queue):
    job = queue.submit()
    with queue.database.transaction() as session:
        detail = job_views.detail(session, QueueConfig(), job)
        assert (detail.job.id, detail.job.waiting) == (job, "no agent serves queue 'default'")
        with pytest.raises(NotFound, match="job_retention_days"):
            job_views.detail(session, QueueConfig(), uuid4())
