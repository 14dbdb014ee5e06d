"""What one token, one address or one request may take, on a real server; and that others do not notice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import httpx
from sqlalchemy import update
from sqlalchemy.orm import Session

from airflow_plugin import clock
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.secrets import new_secret
from edge_agent.protocol import VERSION_HEADER, routes
from tests.integration.api.conftest import BODY_LIMIT, FAILED_LOGINS, HELD_POLLS, NUMBERS, REQUESTS, Agent
from tests.support.waiting import wait_until

ENOUGH = 20
"""Refusals after which a flood has shown what it can."""
FLOODS = 4
"""Connections of one."""


def beat(agent: Agent, number: int = 1) -> httpx.Response:
    return agent.ask(routes.heartbeat(agent.name), {"number": number, "free_slots": 1})


def test_a_flood_from_one_agent_is_cut_and_another_works_on(
    agent: Agent, database: Session, submit: Callable[..., UUID]
) -> None:
    agent.register()
    other = Agent(agent.http, tokens.create(database, f"token-{next(NUMBERS)}").get_secret_value())
    database.commit()
    flood: Counter[int] = Counter()
    is_over = Event()

    def flooding() -> None:
        while not is_over.is_set():
            flood[beat(agent).status_code] += 1

    with ThreadPoolExecutor(FLOODS) as pool:
        floods = [pool.submit(flooding) for _ in range(FLOODS)]
        try:
            wait_until(lambda: flood[429] >= ENOUGH, what="the flood is cut", timeout=60)
            refused = flood[429]
            for _ in range(5):
                _do_everything(other, submit)
            assert flood[429] > refused, "it went on meanwhile"
        finally:
            is_over.set()
        for each in floods:
            each.result()

    assert set(flood) == {200, 429}
    # Nothing counts against a token before the server has seen it work once.
    assert flood[200] <= REQUESTS + FLOODS


def _do_everything(agent: Agent, submit: Callable[..., UUID]) -> None:
    """Speak every verb of an agent that has a job. Each says so if its answer is not 200."""
    agent.register()
    submit(agent)
    agent.beat()
    (offer,) = agent.poll()["offers"]
    assignment = offer["assignment_id"]
    assert agent.confirm(assignment)["confirmed"]
    sent = agent.ask(routes.logs(UUID(assignment)), params={"offset": 0}, content=b"a line\n")
    assert sent.status_code == httpx.codes.OK, sent.text
    assert agent.report(assignment)["accepted"] == [assignment]


def test_who_is_cut_is_told_when_to_ask_again(agent: Agent) -> None:
    agent.register()
    answer = next(answer for _ in range(2 * REQUESTS) if (answer := beat(agent)).status_code == 429)
    assert answer.json()["reason"] == "too_many_requests"
    assert "requests_per_minute" in answer.json()["message"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert answer.headers[VERSION_HEADER] == "1"


def from_address(http: httpx.Client, agent: Agent, address: str, token: str) -> httpx.Response:
    """Register by way of the trusted proxy, from an address."""
    headers = {VERSION_HEADER: "1", "X-Forwarded-For": address}
    path = routes.PREFIX + routes.session(agent.name)
    return http.post(path, json=agent.registration(), headers=headers, auth=agent.proof(token))


def test_an_address_that_tries_tokens_is_cut_and_tokens_that_work_are_not(
    proxy: httpx.Client, agent: Agent, database: Session
) -> None:
    guesser = "2001:db8:77::"
    assert from_address(proxy, agent, f"{guesser}1", agent.token).status_code == httpx.codes.OK
    newcomer = Agent(proxy, tokens.create(database, f"token-{next(NUMBERS)}").get_secret_value())
    database.commit()

    # From any address of its network: one host of an IPv6 network can have them all.
    answers = [
        from_address(proxy, agent, f"{guesser}{number + 2:x}", new_secret("eat").value.get_secret_value())
        for number in range(FAILED_LOGINS + 5)
    ]

    assert [each.status_code for each in answers] == [401] * FAILED_LOGINS + [429] * 5
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert from_address(proxy, agent, f"{guesser}1", agent.token).status_code == httpx.codes.OK
    assert from_address(proxy, newcomer, f"{guesser}1", newcomer.token).status_code == 429
    assert from_address(proxy, newcomer, "2001:db8:78::1", newcomer.token).status_code == httpx.codes.OK


def test_who_is_given_another_token_by_a_cut_address_goes_on_with_it(
    proxy: httpx.Client, agent: Agent, database: Session
) -> None:
    """Each agent is, once in half an hour: guessers beside it must not end its session."""
    address = "2001:db8:79::1"
    proxy.headers["X-Forwarded-For"] = address
    here = Agent(proxy, agent.token, agent.name)
    here.register()
    for _ in range(FAILED_LOGINS + 1):
        last = from_address(proxy, agent, address, new_secret("eat").value.get_secret_value())
    assert last.status_code == 429

    here.register()  # anew: on a busy machine it was silent for too long meanwhile
    soon_over = update(AgentRow).where(AgentRow.name == agent.name).values(session_expires_at=clock.in_seconds(60))
    database.execute(soon_over.execution_options(synchronize_session=False))
    database.commit()
    given = beat(here).json()["token"]
    assert given != here.session_token
    here.session_token = given
    assert beat(here, 2).status_code == httpx.codes.OK
    here.register()
    assert beat(here, 3).status_code == httpx.codes.OK, "nor the one of a registration"


def test_what_shows_no_token_is_answered_before_its_body_is_read(http: httpx.Client, agent: Agent) -> None:
    """A body that would be refused is not even looked at."""
    huge = b"[" * (BODY_LIMIT + 1)
    paths = [routes.session(agent.name), routes.heartbeat(agent.name), routes.CONFIRM, routes.COMMANDS, "/ui/tokens"]
    for path in paths:
        for shown in ({}, {"Authorization": "Bearer nonsense"}):
            if path == "/ui/tokens" and shown:
                continue  # whether that is a login, only Airflow can say
            headers = {VERSION_HEADER: "1", "Content-Type": "application/json", **shown}
            answer = http.post(routes.PREFIX + path, content=huge, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated"), path


def test_a_body_too_large_or_nested_too_deep_is_refused(agent: Agent) -> None:
    agent.register()
    path = routes.PREFIX + routes.heartbeat(agent.name)
    headers = {"Authorization": f"Bearer {agent.session_token}", VERSION_HEADER: "1"}
    headers["Content-Type"] = "application/json"
    large = agent.http.post(path, content=b" " * (BODY_LIMIT + 1), headers=headers)
    assert (large.status_code, large.json()["reason"]) == (413, "too_large")
    streamed = agent.http.post(path, content=iter([b" " * 100_000] * 20), headers=headers)
    assert (streamed.status_code, streamed.json()["reason"]) == (413, "too_large")
    deep = agent.http.post(path, content=b"[" * 33 + b"]" * 33, headers=headers)
    assert (deep.status_code, deep.json()["reason"]) == (422, "invalid")
    assert "nested" in deep.json()["message"]
    assert beat(agent).status_code == httpx.codes.OK, json.dumps(beat(agent).json())


def test_a_newer_poll_of_a_session_ends_the_one_before(agent: Agent) -> None:
    """Its client has gone, which a server behind Airflow's middleware cannot see."""
    agent.register()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(agent.poll, wait_seconds=25)
        wait_until(lambda: agent.poll(wait_seconds=0) and first.done(), what="the first poll ends", timeout=15)
        assert first.result()["offers"] == []


def test_a_server_that_holds_enough_polls_says_when_to_ask_again(http: httpx.Client, database: Session) -> None:
    secret = tokens.create(database, f"token-{next(NUMBERS)}").get_secret_value()
    database.commit()
    crowd = [Agent(http, secret) for _ in range(HELD_POLLS + 3)]
    for each in crowd:
        each.register()
    patience = update(AgentRow).where(AgentRow.name.in_([each.name for each in crowd]))
    database.execute(patience.values(heartbeat_seconds=60))
    database.commit()

    def poll(agent: Agent) -> httpx.Response:
        return agent.ask(routes.poll(agent.name), {"free_slots": 1, "wait_seconds": 10})

    with ThreadPoolExecutor(len(crowd)) as pool:
        answers = list(pool.map(poll, crowd))

    assert Counter(each.status_code for each in answers) == {200: HELD_POLLS, 503: 3}
    (refused, *_) = [each for each in answers if each.status_code == 503]
    assert "max_held_polls" in refused.json()["message"]
    assert int(refused.headers["Retry-After"]) >= 1
