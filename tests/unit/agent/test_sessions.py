"""One session for all loops: opened once, waited for by everybody, and never in the middle of a confirm."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from edge_agent.contact import Contact
from edge_agent.errors import SessionEnded, Superseded, Unauthenticated, Unreachable, problem_answer
from edge_agent.protocol import Problem, ProblemReason
from edge_agent.retry import LEAVE, REGISTER, REGISTER_WITH_WORK, REPORT, Asker
from edge_agent.sessions import Sessions
from tests.support.waiting import wait_until_async
from tests.unit.protocol.examples import MESSAGES

REGISTRATION = MESSAGES["Registration"]


def problem(reason):
    return problem_answer(Problem(reason=reason, message="x"), status=409)


class Server:
    """Opens sessions, and says which ones are over."""

    def __init__(self):
        self.opened = []
        self.left = []
        self.refusal = None

    async def register(self, _token, _registration):
        if self.refusal:
            raise self.refusal
        session = MESSAGES["Session"].model_copy(update={"session_id": uuid4()})
        self.opened.append(session)
        return session

    async def leave(self, session):
        self.left.append(session)
        if self.refusal:
            raise self.refusal

    async def heartbeat(self, session, _beat):
        self.left.append(session)


class Bed:
    server: Any

    def __init__(self):
        self.server = Server()
        self.slept: list[float] = []
        self.now = 0.0
        self.settled = asyncio.Event()
        self.settled.set()
        self.sessions = Sessions(
            self.server,
            Asker(Contact()),
            token=lambda: SecretStr("t"),
            registration=lambda: REGISTRATION,
            opened=self.opened,
            sleep=self.sleep,
            clock=lambda: self.now,
        )
        self.loop = asyncio.ensure_future(self.sessions.run())

    async def opened(self, _session, registration):
        assert registration is REGISTRATION
        await self.settled.wait()

    async def sleep(self, seconds):
        self.slept.append(seconds)

    async def verb(self, session):
        """Answer with the session, unless it is over."""
        if session is not self.server.opened[-1]:
            raise problem(ProblemReason.SESSION_ENDED)
        return session


@pytest.fixture
async def bed():
    it = Bed()
    yield it
    it.loop.cancel()
    await asyncio.gather(it.loop, return_exceptions=True)


def end(bed):
    """Make the server forget the current session."""
    bed.server.opened.append(None)


async def test_everybody_waits_for_the_one_session(bed):
    answers = await asyncio.gather(*(bed.sessions.ask(REPORT, bed.verb) for _ in range(5)))
    assert len(bed.server.opened) == 1
    assert {answer.session_id for answer in answers} == {bed.server.opened[0].session_id}


async def test_a_session_that_ended_is_opened_again_once_whoever_finds_out(bed):
    first = await bed.sessions.ask(REPORT, bed.verb)
    end(bed)
    answers = await asyncio.gather(*(bed.sessions.ask(REPORT, bed.verb) for _ in range(5)))
    assert [session for session in bed.server.opened if session] == [first, answers[0]]
    assert len({answer.session_id for answer in answers}) == 1


@pytest.mark.parametrize(
    ("has", "patience"), [({}, REGISTER), ({"held": 1}, REGISTER_WITH_WORK), ({"never_started": 1}, REGISTER_WITH_WORK)]
)
async def test_who_holds_work_asks_more_often(has, patience):
    """It would be taken for lost, and its work with it."""
    ids = {name: (uuid4(),) * has.get(name, 0) for name in ("held", "never_started")}
    asked = []

    class Asking:
        async def ask(self, patience, call):
            asked.append(patience)
            return await call()

    async def opened(_session, _registration):
        pass

    server: Any = Server()
    asker: Any = Asking()
    sessions = Sessions(
        server,
        asker,
        token=lambda: SecretStr("t"),
        registration=lambda: REGISTRATION.model_copy(update=ids),
        opened=opened,
    )
    loop = asyncio.ensure_future(sessions.run())
    await sessions.current()
    loop.cancel()
    assert asked == [patience]


async def test_a_session_is_used_by_nobody_before_what_it_orders_is_done(bed):
    await bed.sessions.current()
    bed.settled.clear()
    end(bed)
    asking = asyncio.ensure_future(bed.sessions.ask(REPORT, bed.verb))
    await wait_until_async(lambda: len(bed.server.opened) == 3, what="the server has opened another")
    assert not bed.sessions.is_open
    assert not asking.done()
    bed.settled.set()
    assert await asking is bed.server.opened[2]


async def test_no_registration_is_written_while_a_confirm_is_under_way(bed):
    """What is held is decided by its answer: a registration in between could declare it never started."""
    async with bed.sessions.held_open() as session:
        end(bed)
        with pytest.raises(SessionEnded):
            await bed.sessions.ask_in(session, REPORT, bed.verb)
        await asyncio.sleep(0)
        assert len(bed.server.opened) == 2
    assert (await bed.sessions.current()) is bed.server.opened[2]


async def test_an_unknown_session_token_makes_it_register_again(bed):
    answers = [problem(ProblemReason.UNAUTHENTICATED), None]

    async def verb(session):
        if error := answers.pop(0):
            raise error
        return session

    assert isinstance(problem(ProblemReason.UNAUTHENTICATED), Unauthenticated)
    assert await bed.sessions.ask(REPORT, verb) is bed.server.opened[1]


async def test_the_newest_token_is_shown_by_whoever_asks_and_asks_again(bed):
    session = await bed.sessions.current()
    shown = []

    async def verb(session):
        shown.append(session.token)
        if len(shown) == 1:
            bed.sessions.renewed(session, "next")
            raise Unreachable("no answer")

    await bed.sessions.ask(REPORT, verb)
    assert shown == [session.token, "next"]
    assert (await bed.sessions.current()).session_id == session.session_id


async def test_a_token_that_was_replaced_on_its_way_does_not_end_the_session(bed):
    session = await bed.sessions.current()

    async def verb(shown):
        if shown.token == session.token:
            bed.sessions.renewed(shown, "next")
            raise problem(ProblemReason.SESSION_ENDED)
        return shown.token

    async with bed.sessions.held_open() as held:
        assert await bed.sessions.ask_in(held, REPORT, verb) == "next"
    assert len(bed.server.opened) == 1


async def test_a_session_whose_newest_token_is_refused_has_ended(bed):
    session = await bed.sessions.current()
    bed.sessions.renewed(session, "next")

    async def verb(shown):
        if shown.session_id == session.session_id:
            raise problem(ProblemReason.SESSION_ENDED)
        return shown

    assert (await bed.sessions.ask(REPORT, verb)) is bed.server.opened[1]


async def test_a_token_that_answers_an_old_beat_is_old_news(bed):
    session = await bed.sessions.current()
    bed.sessions.renewed(session, "next")
    bed.sessions.renewed(session, "stale")
    bed.sessions.renewed(await bed.sessions.current(), None)
    assert (await bed.sessions.current()).token == bed.sessions.latest.token == "next"


async def test_a_name_that_was_taken_ends_the_loop_and_nobody_gets_an_answer(bed):
    async def verb(_session):
        raise problem(ProblemReason.SUPERSEDED)

    asking = asyncio.ensure_future(bed.sessions.ask(REPORT, verb))
    with pytest.raises(Superseded):
        await bed.loop
    assert not asking.done()
    asking.cancel()


async def test_sessions_that_end_at_once_are_opened_more_and_more_slowly(bed):
    for _ in range(7):
        await bed.sessions.ask(REPORT, bed.verb)
        end(bed)
    await bed.sessions.ask(REPORT, bed.verb)
    assert bed.slept == [1, 2, 4, 8, 16, 30]


async def test_a_session_that_lived_is_followed_by_another_at_once(bed):
    for _ in range(3):
        await bed.sessions.ask(REPORT, bed.verb)
        bed.now += 60
        end(bed)
    await bed.sessions.ask(REPORT, bed.verb)
    assert bed.slept == []


async def test_leaving_says_a_last_beat_if_there_is_one(bed):
    session = await bed.sessions.current()
    await bed.sessions.leave(MESSAGES["Beat"])
    assert bed.server.left == [session, session]
    await bed.sessions.leave(None)
    assert len(bed.server.left) == 2, "there is no session any more"


async def test_leaving_a_session_that_is_over_is_no_error(bed):
    await bed.sessions.current()
    bed.server.refusal = problem(ProblemReason.SESSION_ENDED)
    await bed.sessions.leave(None)
    assert len(bed.server.left) == 1


async def test_a_goodbye_that_is_not_answered_holds_nobody_up(bed, monkeypatch):
    monkeypatch.setattr(bed.server, "leave", lambda session: asyncio.Event().wait())
    monkeypatch.setattr("edge_agent.sessions.LEAVE", replace(LEAVE, total_seconds=0.05))
    await bed.sessions.current()
    with pytest.raises(Unreachable, match="no answer within"):
        await bed.sessions.leave(MESSAGES["Beat"])
    assert len(bed.server.left) == 1
