"""The agent's side of the task host: forks a supervisor per Airflow attempt, in milliseconds.

Importing Airflow costs seconds and a hundred megabytes. A *zygote*, a process of its own, pays that once
and forks; the agent itself stays small and never sees Airflow. One zygote serves at a time. It is
replaced when it died, when the agent's settings for tasks changed, or when what it was made of did
(``airflow.cfg``, plugins, installed packages); the one before ends with the last task it started.

What if it dies here? The agent dies: the tasks go on, the next agent finds them by their attempt
directories. The zygote dies: the tasks go on, and record their own end. A task's supervisor is killed:
the zygote kills what is left of the task and records the signal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.task_host.errors import TaskHostError
from edge_agent.task_host.messages import NotStarted, Started
from edge_agent.task_host.stamps import changed
from edge_agent.task_host.zygote_process import ZygoteGone, ZygoteProcess

logger = logging.getLogger(__name__)

WARM_SECONDS = 180.0
"""How long a zygote may take to get warm: 4 s on a quiet machine, a minute on a slow disk."""

ANSWER_SECONDS = 60.0
"""How long a fork may take to answer: 10 ms, plus the flush of one small file on a busy disk."""

ATTEMPTS = 3
"""How many zygotes are tried for one attempt. Only one that died between question and answer costs a try."""

FAREWELL_SECONDS = 1.0
"""How long to wait for a zygote that has no children: a moment. One that has some is not waited for."""


class TaskHost:
    """Starts the supervisors of Airflow's tasks.

    :param python: absolute path of the interpreter that has Airflow and this package.
    :param environment: all of the tasks' environment, see :func:`.environment.task_environment`.
    :param log: file for what the zygote says; opened for appending.
    """

    def __init__(self, *, python: str, environment: Mapping[str, str], log: Path) -> None:
        self._python = python
        self._environment = dict(environment)
        self._log = log
        self._serving: ZygoteProcess | None = None
        self._let_go: list[ZygoteProcess] = []

    @property
    def pid(self) -> int | None:
        """The zygote that serves now, for people; None when there is none."""
        return self._serving.identity.pid if self._serving is not None and self._serving.serves else None

    async def start(self) -> None:
        """Start getting warm. Does not wait for it.

        :raises TaskHostError: when the interpreter cannot be run.
        """
        self._current()

    async def ready(self) -> None:
        """Wait until the next attempt would start at once.

        :raises TaskHostError: when this host cannot run Airflow tasks; says what to do.
        """
        await self._warm()

    def configure(self, environment: Mapping[str, str]) -> None:
        """Give tasks this environment, from the next one on. The same again changes nothing."""
        if self._environment == dict(environment):
            return
        self._environment = dict(environment)
        if self._serving is not None:
            self._retire("the settings for tasks changed")

    async def spawn(self, attempt: AttemptDir, *, server: str, agent_name: str) -> Identity:
        """Start the supervisor of an attempt whose payload is written; return which process it is.

        The process may have ended by then. It has claimed the attempt.

        :param server: URL of the Execution API.
        :raises TaskHostError: when nothing was started, and nothing will be.
        """
        for _ in range(ATTEMPTS):
            zygote = await self._warm()
            try:
                answer = await self._ask(zygote, attempt, server, agent_name)
            except ZygoteGone:
                if attempt.claimed() is None:
                    continue  # Proven not to have started: nobody is left who could claim it.
                break
            if isinstance(answer, NotStarted):
                raise TaskHostError(answer.reason)
            return answer.identity
        identity = attempt.identity()
        if identity is None:
            msg = f"The task host died {ATTEMPTS} times when it was to start this. Its log is {self._log}."
            raise TaskHostError(msg)
        return identity

    async def stop(self) -> None:
        """Let the zygote go. It ends with the last task it started, which may be long after the agent."""
        if self._serving is not None:
            self._retire("the agent stops")
        if self._let_go:
            await asyncio.wait(
                [asyncio.ensure_future(one.ended()) for one in self._let_go], timeout=FAREWELL_SECONDS
            )
        for zygote in self._let_go:
            await zygote.leave()
        self._let_go.clear()

    def _current(self) -> ZygoteProcess:
        """Return the zygote that serves, after having replaced one that should not."""
        if self._serving is not None:
            answered = self._serving.answered
            if not self._serving.serves:
                self._retire("it died")
            elif answered is not None and (path := changed(answered.made_of)):
                self._retire(f"{path} changed")
        if self._serving is None:
            self._serving = ZygoteProcess.start(
                python=self._python, environment=self._environment, log=self._log
            )
        return self._serving

    def _retire(self, why: str) -> None:
        assert self._serving is not None  # noqa: S101  for the type checker: callers have looked
        logger.info("Replacing the task host: %s.", why, extra={"event": "task_host_retired"})
        self._serving.let_go()
        self._let_go = [one for one in self._let_go if not one.is_over] + [self._serving]
        self._serving = None

    async def _warm(self) -> ZygoteProcess:
        zygote = self._current()
        try:
            await asyncio.wait_for(zygote.ready(), WARM_SECONDS)
        except TimeoutError:
            zygote.kill()
            msg = (
                f"The task host was not warm after {WARM_SECONDS:g} s and was killed. Its log is {self._log}."
            )
            raise TaskHostError(msg) from None
        return zygote

    async def _ask(
        self, zygote: ZygoteProcess, attempt: AttemptDir, server: str, agent: str
    ) -> Started | NotStarted:
        asked = asyncio.ensure_future(zygote.ask(attempt=attempt.path, server=server, agent=agent))
        done, _ = await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        if not done:
            # It hangs. Once it is dead the stream ends, and with it every doubt about what was started.
            zygote.kill()
        return await asked
