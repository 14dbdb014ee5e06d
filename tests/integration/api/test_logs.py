"""A job's log over the wire: once and in order, never more than was agreed, never faster than it may."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import httpx
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from airflow_plugin.models import JobRow, LogRow
from edge_agent.protocol import routes
from tests.integration.api.conftest import Agent

Submit = Callable[..., UUID]


def test_log_bytes_arrive_once_whatever_is_repeated(running: tuple[str, UUID], agent: Agent, engine: Engine) -> None:
    assert _send(agent, running[0], 0, b"caf\xe9 \x00") == {"next_offset": 6, "full": False, "pause_seconds": 0}
    assert _send(agent, running[0], 0, b"caf\xe9 \x00")["next_offset"] == 6
    assert _send(agent, running[0], 4, b" \x00more")["next_offset"] == 10
    gap = agent.ask(routes.logs(UUID(running[0])), params={"offset": 99}, content=b"x")
    assert (gap.status_code, gap.json()["reason"], gap.json()["expected_offset"]) == (409, "gap", 10)
    with Session(engine) as session:
        chunks = session.scalars(select(LogRow.data).where(LogRow.job_id == running[1]).order_by(LogRow.start_offset))
        assert b"".join(chunks) == b"caf\xe9 \x00more"


def test_an_agent_says_where_a_log_is_that_it_does_not_send(
    running: tuple[str, UUID], agent: Agent, engine: Engine
) -> None:
    path = routes.logs(UUID(running[0]))
    assert agent.ask(path, params={"offset": 0, "kept": "host"}, content=b"here").is_success
    with Session(engine) as session:
        assert session.get_one(JobRow, running[1]).log_kept == "host"
    refused = agent.ask(path, params={"offset": 4, "kept": "moon"}, content=b"there")
    assert (refused.status_code, refused.json()["reason"]) == (422, "invalid")


def test_a_chunk_over_the_agreed_size_is_refused(running: tuple[str, UUID], agent: Agent) -> None:
    answer = agent.ask(routes.logs(UUID(running[0])), params={"offset": 0}, content=b"x" * 1001)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")


def test_a_log_over_its_limit_is_cut_with_a_mark_and_says_that_it_is_full(
    running: tuple[str, UUID], agent: Agent, engine: Engine
) -> None:
    answers = [_send(agent, running[0], offset, b"y" * 1000) for offset in (0, 1000, 2000, 3000)]
    assert [answer["full"] for answer in answers] == [False, False, True, True]
    assert answers[-1]["next_offset"] == 4000
    with Session(engine) as session:
        kept = b"".join(
            session.scalars(select(LogRow.data).where(LogRow.job_id == running[1]).order_by(LogRow.start_offset))
        )
    assert kept.startswith(b"y" * 2500 + b"\n{")
    assert b"log_limit_bytes = 2500" in kept


def test_a_job_that_writes_too_fast_is_told_to_pause_and_refused_if_it_does_not(
    running: tuple[str, UUID], agent: Agent, submit: Submit
) -> None:
    """Also once its log is full. The agent's other jobs do not pay for it."""
    submit(agent)
    (offer,) = agent.poll()["offers"]
    agent.confirm(other := offer["assignment_id"])
    acks = [_send(agent, running[0], offset, b"x" * 1000) for offset in (0, 1000, 2000, 3000)]
    assert [ack["pause_seconds"] for ack in acks[:3]] == [0, 0, 0]
    assert 0 < float(str(acks[3]["pause_seconds"])) <= 60

    refused = agent.ask(routes.logs(UUID(running[0])), params={"offset": 4000}, content=b"x")
    assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_requests")
    assert "log_bytes_per_minute" in refused.json()["message"]
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    stranger = Agent(agent.http, agent.token)
    stranger.register()
    assert stranger.ask(routes.logs(UUID(running[0])), params={"offset": 4000}, content=b"x").status_code == 404
    assert _send(agent, other, 0, b"y" * 1000)["pause_seconds"] == 0


def _send(agent: Agent, assignment: str, offset: int, data: bytes) -> dict[str, object]:
    answer = agent.ask(routes.logs(UUID(assignment)), params={"offset": offset}, content=data)
    assert answer.status_code == httpx.codes.OK, answer.text
    acknowledged: dict[str, object] = answer.json()
    return acknowledged
