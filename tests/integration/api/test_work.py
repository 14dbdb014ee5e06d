"""The life of a job over the wire: offered, confirmed, logged, reported, cancelled, and each answer lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from airflow_plugin.models import JobRow
from airflow_plugin.queue import jobs, steering
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent
from tests.support.waiting import wait_until

Submit = Callable[..., UUID]
Read = Callable[[UUID], JobRow]


def test_an_offer_holds_nothing_that_could_be_run(agent: Agent, submit: Submit) -> None:
    agent.register()
    submit(agent)
    (offer,) = agent.poll()["offers"]
    assert set(offer) == {"assignment_id", "job_id", "kind", "queue", "slots", "runner", "label"}


def test_a_held_poll_is_woken_when_a_job_arrives(agent: Agent, submit: Submit) -> None:
    agent.register()
    with ThreadPoolExecutor(1) as thread:
        polled = thread.submit(agent.poll, wait_seconds=20)
        before = time.monotonic()
        submit(agent)
        assert len(polled.result()["offers"]) == 1
    assert time.monotonic() - before < 10, "the poll was not woken, its time was over"


def test_a_poll_brings_a_batch_that_fits_the_free_slots(agent: Agent, submit: Submit) -> None:
    agent.register()
    for _ in range(5):
        submit(agent)
    assert len(agent.poll(free_slots=3)["offers"]) == 3
    assert len(agent.poll(free_slots=3)["offers"]) == 2


def test_requirements_are_met_or_the_job_stays(agent: Agent, submit: Submit, job: Read) -> None:
    agent.register(capabilities={"python": "3.11", "gpu": True})
    stays = submit(agent, requires={"python": ">=3.12"})
    goes = submit(agent, requires={"gpu": True, "python": ">=3.9"})
    (offer,) = agent.poll()["offers"]
    assert UUID(offer["job_id"]) == goes
    assert job(stays).state == "queued"


def test_an_offer_whose_answer_was_lost_comes_back_without_a_trace(agent: Agent, submit: Submit, job: Read) -> None:
    agent.register()
    job_id = submit(agent)
    lost = agent.poll()["offers"][0]["assignment_id"]
    wait_until(lambda: agent.beat() and job(job_id).state == "queued", what="the offer expires", timeout=30)

    (offer,) = agent.poll()["offers"]

    assert UUID(offer["job_id"]) == job_id
    assert offer["assignment_id"] != lost
    assert agent.confirm(lost)["withdrawn"], "an expired offer can still be confirmed"


def test_a_confirm_whose_answer_was_lost_is_answered_the_same(running: tuple[str, UUID], agent: Agent) -> None:
    again = agent.confirm(running[0])
    assert again["confirmed"][0]["payload"] == '{"command": ["true"]}'


def test_a_report_whose_answer_was_lost_is_accepted_again(running: tuple[str, UUID], agent: Agent, job: Read) -> None:
    for _ in range(2):
        assert agent.report(running[0])["accepted"] == [running[0]]
    assert (job(running[1]).state, job(running[1]).reason) == ("succeeded", "exit")


def test_another_ending_than_the_one_that_stands_is_refused(running: tuple[str, UUID], agent: Agent) -> None:
    agent.report(running[0])
    (refused,) = agent.report(running[0], state="failed", reason="signal")["refused"]
    assert refused["state"] == "succeeded"


def test_a_report_that_comes_after_the_job_was_taken_away_changes_nothing(
    running: tuple[str, UUID], agent: Agent, database: Session, job: Read
) -> None:
    steering.delete(database, agent.name)
    database.commit()
    agent.register()

    (refused,) = agent.report(running[0])["refused"]

    assert refused["state"] == "failed"
    assert (job(running[1]).state, job(running[1]).reason) == ("failed", "deleted")


def test_an_agent_that_comes_back_is_told_what_was_taken_from_it(
    running: tuple[str, UUID], agent: Agent, database: Session
) -> None:
    steering.delete(database, agent.name)
    database.commit()
    assert agent.register(held=[running[0]])["directives"]["drop"] == [running[0]]


def test_an_agent_that_comes_back_without_its_job_has_lost_it_at_once(
    running: tuple[str, UUID], agent: Agent, job: Read
) -> None:
    agent.register()
    assert (job(running[1]).state, job(running[1]).reason) == ("failed", "agent_restart")


def test_an_agent_that_comes_back_with_its_job_goes_on_and_reports_it(
    running: tuple[str, UUID], agent: Agent, job: Read
) -> None:
    agent.register(held=[running[0]])
    agent.beat(running[0])
    assert job(running[1]).state == "running"
    assert agent.report(running[0])["accepted"]


def test_what_was_confirmed_and_never_started_goes_back_to_the_queue(
    running: tuple[str, UUID], agent: Agent, job: Read
) -> None:
    agent.register(never_started=[running[0]])
    assert job(running[1]).state == "queued"


def test_two_silent_beats_put_a_job_back_and_a_repeated_beat_counts_once(
    running: tuple[str, UUID], agent: Agent, job: Read
) -> None:
    agent.beat(number=7)
    agent.beat(number=7)
    assert job(running[1]).state == "running"
    agent.beat(number=8)
    assert job(running[1]).state == "queued"


def test_a_cancel_wakes_the_poll_and_names_the_assignment(
    running: tuple[str, UUID], agent: Agent, database: Session
) -> None:
    with ThreadPoolExecutor(1) as thread:
        polled = thread.submit(agent.poll, wait_seconds=20)
        before = time.monotonic()
        jobs.cancel(database, [running[1]], "a test wants it")
        database.commit()
        assert polled.result()["directives"]["cancel"] == [running[0]]
    assert time.monotonic() - before < 10
    assert agent.beat(running[0])["cancel"] == [running[0]]
    assert agent.report(running[0], state="cancelled", reason="cancelled")["accepted"]


@pytest.mark.parametrize("beat", [False, True])
def test_a_cordon_from_before_the_poll_is_answered_at_once(agent: Agent, database: Session, beat: bool) -> None:
    """A held poll is no sign of life: an answer after twenty seconds would find the agent lost."""
    agent.register()
    steering.cordon(database, agent.name, by="test")
    database.commit()
    assert agent.poll(wait_seconds=20, beat=beat)["directives"]["cordoned"]
    assert agent.beat()["cordoned"]


def test_a_cordon_wakes_the_poll_and_holds(agent: Agent, submit: Submit, database: Session, job: Read) -> None:
    agent.register()
    with ThreadPoolExecutor(1) as thread:
        polled = thread.submit(agent.poll, wait_seconds=20)
        steering.cordon(database, agent.name, by="test", reason="new disks")
        database.commit()
        directives = polled.result()["directives"]
    assert (directives["cordoned"], directives["cordon_reason"]) == (True, "new disks")
    job_id = submit(agent)
    assert not agent.poll(wait_seconds=0.5)["offers"]
    agent.register()
    assert not agent.poll(wait_seconds=0.5)["offers"], "registering lifted the cordon"
    steering.uncordon(database, agent.name)
    database.commit()
    assert [UUID(offer["job_id"]) for offer in _poll_until_offered(agent)] == [job_id]


def test_two_agents_on_one_queue_get_each_job_once(agent: Agent, submit: Submit, engine: Engine) -> None:
    other = Agent(agent.http, agent.token)
    agent.register(slots=50)
    other.register(slots=50, queues=[agent.queue])
    for _ in range(60):
        submit(agent)
    seen: list[str] = []
    lock = threading.Lock()

    def work(each: Agent) -> None:
        while offers := each.poll(free_slots=3, beat=True)["offers"]:
            with lock:
                seen.extend(offer["job_id"] for offer in offers)
            each.confirm(*(offer["assignment_id"] for offer in offers))
            for offer in offers:
                each.report(offer["assignment_id"])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, [agent, other]))
    assert len(seen) == len(set(seen)) == 60
    with Session(engine) as session:
        states = session.scalars(select(JobRow.state).where(JobRow.queue == agent.queue)).all()
    assert set(states) == {"succeeded"}


def test_another_agents_assignment_is_as_unknown_as_none(running: tuple[str, UUID], agent: Agent) -> None:
    stranger = Agent(agent.http, agent.token)
    stranger.register()
    for assignment in (running[0], str(uuid4())):
        log = stranger.ask(routes.logs(UUID(assignment)), params={"offset": 0}, content=b"x")
        assert (log.status_code, log.json()["reason"]) == (404, "not_found")
        (withdrawn,) = stranger.confirm(assignment)["withdrawn"]
        (refused,) = stranger.report(assignment)["refused"]
        assert (withdrawn["state"], refused["state"]) == (None, None)


def _poll_until_offered(agent: Agent) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []

    def offered() -> bool:
        found.extend(agent.poll(wait_seconds=2)["offers"])
        return bool(found)

    wait_until(offered, what="an offer", timeout=20)
    return found


def test_a_payload_of_200_kilobytes_arrives_whole(agent: Agent, database: Session, submit: Submit) -> None:
    agent.register()
    job_id = submit(agent)
    payload = {"command": ["true", "é" * 100_000]}
    database.execute(update(JobRow).where(JobRow.id == job_id).values(payload=json.dumps(payload)))
    database.commit()
    assignment = agent.poll()["offers"][0]["assignment_id"]
    assert json.loads(agent.confirm(assignment)["confirmed"][0]["payload"]) == payload
