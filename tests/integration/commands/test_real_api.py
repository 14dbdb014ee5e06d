"""The hook and the real queue API, in Airflow's own API server."""

from __future__ import annotations

import asyncio
import itertools
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from airflow_plugin.commands import errors
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from airflow_plugin.queue import tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from edge_agent.protocol import JobState
from edge_agent.protocol.commands import Seen, Submit, Tie
from edge_agent.protocol.streams import Stream
from tests.support.airflow_bed import AirflowBed

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def api(postgres, postgres_template, tmp_path_factory):
    """Give an Airflow of which only the API server runs, below a path."""
    with postgres.database(postgres_template) as url:
        settings = {"AIRFLOW__EDGE_AGENT__REQUESTS_PER_MINUTE": "10000"}
        bed = AirflowBed(
            tmp_path_factory.mktemp("commands") / "airflow", url, settings=settings, path="/af", apps="core"
        )
        try:
            yield bed.start("api-server")
        finally:
            bed.__exit__()


@pytest.fixture
def queue(api):
    """Give a function that does something to the queue in a transaction."""
    engine = create_engine(api.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

    def work(what):
        with Session(engine) as session:
            answer = what(session)
            session.commit()
            return answer

    yield work
    engine.dispose()


@pytest.fixture
def site(api, queue, connect):
    """Give the name of a submit token, with a connection that has it."""
    name = f"of-tasks-{next(NUMBERS)}"
    allowance = Allowance(kind=TokenKind.SUBMIT, queues=["nobody"], run_as_users=["etl"])
    token = queue(lambda session: tokens.create(session, name, allowance)).get_secret_value()
    connect(api.url, token)
    return name


@pytest.fixture
def hook(site):
    """Give a hook with that connection."""
    hook = EdgeAgentHook(outage_seconds=60)
    yield hook
    hook.close()


async def test_a_command_is_submitted_watched_read_and_cancelled(hook, site):
    assert hook.test_connection()[1] == (
        f"The token {site!r} may send commands to the queues nobody, to run as the agent's user or etl."
    )
    submitted = hook.submit(Submit(command="true", key="k", label="mine"))
    job_id = submitted.command.id
    assert (submitted.attached, submitted.command.state, submitted.command.queue) == (False, JobState.QUEUED, "nobody")
    assert (await hook.asubmit(Submit(command="true", key="k"))).attached
    assert (await hook.aget(job_id)).waiting

    seen = Seen(id=job_id, state=JobState.QUEUED, log_bytes=0, read_offset=0)
    assert hook.wait([seen], 0).commands == ()
    wait = asyncio.create_task(hook.await_([seen], 30))
    assert not (await hook.acancel(job_id, "enough")).is_wanted
    (view,) = (await wait).commands
    assert (view.state, view.message) == (JobState.CANCELLED, "enough")

    log = await hook.alogs(job_id)
    assert (log.content, log.next_offset, log.is_over) == (b"", 0, True)
    output = hook.output(job_id, Stream.STDERR, 10)
    assert (output.content, output.total_bytes) == (b"", 0)


async def test_two_hundred_are_waited_for_at_once(hook):
    views = [(await hook.asubmit(Submit(command=f"{number}"))).command for number in range(200)]
    waits = [asyncio.create_task(hook.await_([Seen(id=view.id, state=view.state)], 200)) for view in views]
    for view in views:
        await hook.acancel(view.id, "enough")
    news = await asyncio.gather(*waits)
    assert [each.commands[0].state for each in news] == [JobState.CANCELLED] * 200


def test_what_the_token_does_not_allow_is_refused_in_the_servers_words(hook):
    with pytest.raises(errors.Forbidden, match="etl"):
        hook.submit(Submit(command="true", run_as_user="root"))
    with pytest.raises(errors.Forbidden, match="else"):
        hook.submit(Submit(command="true", queue="else"))
    with pytest.raises(errors.NotFound, match="nowhere"):
        hook.submit(Submit(command="true", agent="nowhere"))
    with pytest.raises(errors.NotFound):
        hook.get(uuid4())


def test_a_task_instance_that_is_not_there_is_a_conflict(hook):
    tie = Tie(id=uuid4(), dag_id="d", run_id="r", task_id="t")
    with pytest.raises(errors.Conflict):
        hook.submit(Submit(command="true", key="k", family="f", tie=tie))


async def test_commands_are_found_with_the_token_that_took_the_place_of_theirs(hook, site, api, queue, connect):
    job_id = hook.submit(Submit(command="true")).command.id
    wait = asyncio.create_task(hook.await_([Seen(id=job_id, state=JobState.QUEUED)], 60))
    await hook.aget(job_id)
    rotated = queue(lambda session: tokens.rotate(session, site, overlap_seconds=0))
    connect(api.url, rotated.get_secret_value())
    assert hook.get(job_id).id == job_id
    await hook.acancel(job_id, "enough")
    assert (await wait).commands[0].state is JobState.CANCELLED


async def test_a_revoked_token_ends_every_wait(hook, site, queue):
    job_id = hook.submit(Submit(command="true")).command.id
    queue(lambda session: tokens.revoke(session, site))
    with pytest.raises(errors.Unauthenticated):
        await hook.await_([Seen(id=job_id, state=JobState.QUEUED)], 60)
