"""What a task asks of the queue, apart from how it is asked: on a worker one waits, in a triggerer one awaits.

Whoever has questions is a generator: it yields one, and is sent its answer or thrown its error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from airflow_plugin.commands.errors import QueueApiError
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from edge_agent.protocol.commands import Seen, Submit

T = TypeVar("T")


@dataclass(frozen=True)
class Submitting:
    """Have this run. Answer: ``Submitted``."""

    submit: Submit


@dataclass(frozen=True)
class Watching:
    """Is there news of these? Answer: ``News``, at the latest after ``seconds``."""

    commands: tuple[Seen, ...]
    seconds: float


@dataclass(frozen=True)
class ReadingLog:
    """What stands in this log behind this offset? Answer: ``LogBytes``."""

    job_id: UUID
    offset: int
    limit: int


@dataclass(frozen=True)
class Ending:
    """End this. Answer: ``CommandView``."""

    job_id: UUID
    reason: str


@dataclass(frozen=True)
class Pausing:
    """Nothing for ``seconds``. Answer: None."""

    seconds: float


Question: TypeAlias = Submitting | Watching | ReadingLog | Ending | Pausing
Asking: TypeAlias = Generator[Question, Any, T]


def ask(asking: Asking[T], hook: EdgeAgentHook) -> T:
    """Ask all there is to ask, waiting for each answer; return what comes of it."""
    try:
        question = next(asking)
        while True:
            try:
                answer = _answer(question, hook)
            except QueueApiError as error:
                question = asking.throw(error)
            else:
                question = asking.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def aask(asking: Asking[T], hook: EdgeAgentHook) -> T:
    """Do what :func:`ask` does, and let others run meanwhile."""
    try:
        question = next(asking)
        while True:
            try:
                answer = await _aanswer(question, hook)
            except QueueApiError as error:
                question = asking.throw(error)
            else:
                question = asking.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def _answer(question: Question, hook: EdgeAgentHook) -> Any:
    match question:
        case Submitting():
            return hook.submit(question.submit)
        case Watching():
            return hook.wait(question.commands, question.seconds)
        case ReadingLog():
            return hook.logs(question.job_id, question.offset, question.limit)
        case Ending():
            return hook.cancel(question.job_id, question.reason)
        case Pausing():
            return time.sleep(question.seconds)


def _aanswer(question: Question, hook: EdgeAgentHook) -> Awaitable[Any]:
    match question:
        case Submitting():
            return hook.asubmit(question.submit)
        case Watching():
            return hook.await_(question.commands, question.seconds)
        case ReadingLog():
            return hook.alogs(question.job_id, question.offset, question.limit)
        case Ending():
            return hook.acancel(question.job_id, question.reason)
        case Pausing():
            return asyncio.sleep(question.seconds)
