"""New tokens: asked for when a task wants one and not before, for all at once, and handed to the right ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from edge_agent.assignment import Stage
from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import problem_answer
from edge_agent.fresh_token import FreshToken, Refusal
from edge_agent.protocol import Problem, ProblemReason, Refused, RenewAnswer, Renewed
from edge_agent.renewal import LOOK_SECONDS, REFUSED_SECONDS, Renewal
from edge_agent.status.board import StatusBoard
from tests.support.waiting import wait_until_async
from tests.unit.protocol.examples import MESSAGES


@dataclass
class Bed:
    """One session that never ends, a server, and the assignments of an agent. Time passes at once."""

    root: Any
    assignments: list[Any] = field(default_factory=list)
    batches: list[list[UUID]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    refused: set[UUID] = field(default_factory=set)
    silent_about: set[UUID] = field(default_factory=set)
    problems: list[Exception] = field(default_factory=list)
    meanwhile: Any = field(default=lambda: None)
    latest: Any = MESSAGES["Session"]

    def hold(self, stage: Stage = Stage.RUNNING, *, wants: bool = True) -> Any:
        id_ = uuid4()
        attempt = AttemptDir.create(self.root, id_, {})
        if wants:
            FreshToken(attempt).want()
        offer = SimpleNamespace(label="job", job_id=uuid4())
        self.assignments.append(SimpleNamespace(id=id_, attempt=attempt, stage=stage, offer=offer))
        return self.assignments[-1]

    def at(self, stage: Stage) -> list[Any]:
        return [each for each in self.assignments if each.stage is stage]

    async def ask(self, _patience: Any, verb: Any) -> Any:
        return await verb(self.latest)

    async def renew(self, _session: Any, renew: Any) -> RenewAnswer:
        self.batches.append(list(renew.assignments))
        if self.problems:
            raise self.problems.pop()
        self.meanwhile()
        known = [each for each in renew.assignments if each not in self.silent_about]
        return RenewAnswer(
            renewed=tuple(Renewed(assignment_id=e, token=f"token of {e}") for e in known if e not in self.refused),
            refused=tuple(Refused(assignment_id=e, state=None, message="no") for e in known if e in self.refused),
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def bed(tmp_path):
    return Bed(tmp_path)


@pytest.fixture
async def looks(bed):
    """Let the loop run, and give a function that waits until it has looked once more, from now on."""
    it: Any = bed
    loop = asyncio.ensure_future(Renewal(it, it, it, StatusBoard(), sleep=bed.sleep).run())

    async def looks():
        seen = len(bed.slept)
        await wait_until_async(lambda: loop.done() or len(bed.slept) > seen + 1, what="it has looked")
        assert not loop.done()

    yield looks
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


def answer_of(assignment):
    return FreshToken(assignment.attempt).take()


async def test_nothing_is_asked_while_nobody_wants_anything(bed, looks):
    bed.hold(wants=False)
    await looks()
    assert bed.batches == []
    assert set(bed.slept) == {LOOK_SECONDS}


async def test_all_that_want_a_token_are_asked_for_at_once_and_each_gets_its_own(bed, looks):
    first, second = bed.hold(), bed.hold()
    await looks()
    assert sorted(bed.batches[0]) == sorted([first.id, second.id])
    assert [answer_of(each) for each in (first, second)] == [f"token of {each.id}" for each in (first, second)]
    assert len(bed.batches) == 1


async def test_a_refusal_reaches_whom_it_concerns(bed, looks):
    good, bad = bed.hold(), bed.hold()
    bed.refused.add(bad.id)
    await looks()
    assert (answer_of(good), answer_of(bad)) == (f"token of {good.id}", Refusal("no"))


async def test_one_the_server_says_nothing_about_is_asked_for_again(bed, looks):
    forgotten = bed.hold()
    bed.silent_about.add(forgotten.id)
    await looks()
    assert FreshToken(forgotten.attempt).is_wanted()
    bed.silent_about.clear()
    await looks()
    assert answer_of(forgotten) == f"token of {forgotten.id}"


@pytest.mark.parametrize("stage", [Stage.OFFERED, Stage.STARTING, Stage.ENDED])
async def test_only_what_runs_gets_a_token(bed, looks, stage):
    bed.hold(stage)
    await looks()
    assert bed.batches == []


async def test_a_message_asks_for_no_more_than_the_server_takes(bed, looks):
    limits = bed.latest.limits.model_copy(update={"batch": 2})
    bed.latest = bed.latest.model_copy(update={"limits": limits})
    for _ in range(5):
        bed.hold()
    await wait_until_async(lambda: len(bed.batches) == 3, what="all are asked for")
    assert [len(batch) for batch in bed.batches] == [2, 2, 1]


async def test_a_server_that_refuses_the_question_is_asked_again_later(bed, looks):
    bed.problems.append(problem_answer(Problem(reason=ProblemReason.INVALID, message="x"), status=422))
    assignment = bed.hold()
    await looks()
    await looks()
    assert bed.slept.count(REFUSED_SECONDS) == 1
    assert answer_of(assignment) == f"token of {assignment.id}"


async def test_one_that_ends_while_its_token_is_on_its_way_leaves_none_behind(bed, looks):
    assignment = bed.hold()
    bed.meanwhile = lambda: setattr(assignment, "stage", Stage.ENDED)
    await looks()
    assert [path.name for path in assignment.attempt.path.iterdir()] == ["offer.json"]


async def test_one_that_was_dropped_meanwhile_does_not_disturb_the_others(bed, looks):
    dropped, other = bed.hold(), bed.hold()
    bed.meanwhile = dropped.attempt.remove
    await looks()
    assert answer_of(other) == f"token of {other.id}"


async def test_no_token_stands_in_the_log(bed, looks, caplog):
    caplog.set_level("DEBUG")
    bed.hold()
    await looks()
    assert "Renewed the token of job." in caplog.text
    assert "token of " + str(bed.assignments[0].id) not in caplog.text
